import { MODEL, withFields } from "./bad-input.ts";
import type { BadInput } from "./bad-input.ts";

/** The field, its value, what is said, and the param where it is not the field itself. */
const fields: [field: string, value: unknown, says: RegExp, param?: string][] = [
  ["n", 2 ** 31, /n: only 1/],
  ["n", 0, /n: only 1/],
  ["max_tokens", -1, /max_tokens/],
  ["max_tokens", 2 ** 40, /max_tokens/],
  ["max_tokens", 1.5, /max_tokens/],
  ["max_completion_tokens", 0, /max_completion_tokens/],
  ["top_logprobs", 1e6, /unknown field|not supported/],
  ["logprobs", true, /not supported/],
  ["logit_bias", Object.fromEntries(Array.from({ length: 1e5 }, (_, id) => [id, 1])), /logit_bias/],
  ["stop", Array.from({ length: 1e4 }, () => "a"), /stop/],
  ["stop", "", /stop/],
  ["stop", ["a", 1], /stop/, "stop.1"],
  ["temperature", "hot", /temperature/],
  ["temperature", -0.1, /temperature/],
  ["temperature", 1e9, /temperature/],
  ["top_p", 0, /top_p/],
  ["top_p", 1.1, /top_p/],
  ["top_k", -2, /top_k/],
  ["min_p", 2, /min_p/],
  ["presence_penalty", 3, /presence_penalty/],
  ["frequency_penalty", -3, /frequency_penalty/],
  ["repetition_penalty", 0, /repetition_penalty/],
  ["seed", 0.5, /seed/],
  ["stream", "yes", /stream/],
  ["model", 7, /model/],
  ["messages", [], /messages/],
  ["messages", "Hello", /messages/],
  ["chat_template", "{{ messages }}", /unknown field/],
  ["chat_template_kwargs", { tokenize: true }, /unknown field/],
  ["media_io_kwargs", { video: { num_frames: -1 } }, /unknown field/],
  ["mm_processor_kwargs", { size: { longest_edge: 1e12 } }, /unknown field/],
  ["response_format", { type: "json_schema" }, /only "text"/, "response_format.type"],
  ["structured_outputs", { regex: "(a+)+b" }, /unknown field/],
  ["guided_json", {}, /unknown field/],
  ["tool_choice", "required", /only "auto"/],
  ["tools", [{ type: "function", function: { name: "a b" } }], /tools/, "tools.0.function.name"],
  ["uuid", "someone-elses", /unknown field/],
];

const deep = `${"[".repeat(1e5)}${"]".repeat(1e5)}`;
const text = JSON.stringify(withFields({}));
const spliced = (json: string) => `${text.slice(0, -1)},${json}}`;

/** List D: fields of the body, and bodies that are none. */
export const badFields: BadInput[] = [
  ...fields.map(([field, value, says, param = field]) => ({
    name: `${field}: ${JSON.stringify(value).slice(0, 40)}`,
    body: withFields({ [field]: value }),
    param,
    says,
  })),
  {
    name: "temperature NaN",
    body: spliced('"temperature":NaN'),
    param: "body",
    says: /not valid JSON/,
  },
  {
    name: "a body 100,000 levels deep",
    body: spliced(`"metadata":${deep}`),
    param: "body",
    says: /nested deeper/,
  },
  {
    name: "a key of a megabyte",
    body: spliced(`"${"k".repeat(1e6)}":1`),
    param: "k".repeat(200),
    says: /unknown field/,
  },
  { name: "a key twice", body: spliced('"model":"other"'), param: "body", says: /twice/ },
  {
    name: "__proto__",
    body: spliced('"__proto__":{"stream":true}'),
    param: "__proto__",
    says: /unknown field/,
  },
  { name: "no JSON", body: "hello", param: "body", says: /not valid JSON/ },
  { name: "a list", body: "[]", param: "body", says: /body/ },
  { name: "nothing", body: "", param: "body", says: /body/i },
  {
    name: "an unknown role",
    body: { model: MODEL, messages: [{ role: "root", content: "x" }] },
    param: "messages.0.role",
    says: /role/,
  },
  {
    name: "a part of no known type",
    body: { model: MODEL, messages: [{ role: "user", content: [{ type: "input_audio" }] }] },
    param: "messages.0.content.0.type",
    says: /input_audio/,
  },
  {
    name: "a prompt longer than the context",
    body: { model: MODEL, messages: [{ role: "user", content: "star ".repeat(5000) }] },
    param: "messages",
    says: /4096/,
  },
];
