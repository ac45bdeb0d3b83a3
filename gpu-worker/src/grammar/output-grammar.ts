import type { ChatRequest } from "@qwen3-vl/shared/chat";
import type { Tool } from "@qwen3-vl/shared/chat-message";
import { ApiError } from "@qwen3-vl/shared/errors";
import { parseJson } from "@qwen3-vl/shared/json";
import { callableTools } from "@qwen3-vl/shared/tool-fields";

import { choice, text } from "./expression.ts";
import type { Expression } from "./expression.ts";
import { inField, sourceOf } from "./grammar-source.ts";
import type { OutputGrammar } from "./grammar-source.ts";
import type { Grammar } from "./grammar.ts";
import { jsonSchemaText } from "./json-schema.ts";
import { anyObject } from "./json-text.ts";
import { plainCharacter, wholeMatch } from "./regex-grammar.ts";
import { toolCallGrammar, toolCalls } from "./tool-call-grammar.ts";
import { UnsupportedGrammar } from "./unsupported.ts";

/** Bytes of a schema as JSON: OpenAI allows 120,000 characters of names and values. */
const MAX_SCHEMA_BYTES = 2 ** 18;

/**
 * The grammar that a request asks for: by the form of its answer, or by the tools that it must call.
 * Where it may call and has a form, an answer is one or the other. Undefined where it is free.
 *
 * @throws ApiError that names the field, and inside it the keyword at fault
 */
export function outputGrammar(request: ChatRequest): OutputGrammar | undefined {
  const form = askedForm(request);
  const tools = callableTools(request);
  const { tool_choice: toolChoice = "auto", parallel_tool_calls: isParallel = true } = request;
  if (tools.length === 0 || toolChoice === "none") {
    return form && { param: form.param, source: inField(form.param, () => formSource(form)) };
  }
  if (toolChoice === "auto" && form !== undefined) {
    const source = inField(form.param, () => formOrCalls(form, tools, isParallel));
    return { param: form.param, source };
  }
  const wanted = typeof toolChoice === "string" ? toolChoice : toolChoice.function;
  return toolCallGrammar(tools, wanted, isParallel);
}

/** A form by its field: written by us, or EBNF of the client's own. */
type AskedForm = { param: string } & (
  | { write: (grammar: Grammar) => Expression }
  | { ebnf: string }
);

function formSource(form: AskedForm): string {
  return "ebnf" in form ? form.ebnf : sourceOf(form.write);
}

function formOrCalls(form: AskedForm, tools: readonly Tool[], isParallel: boolean): string {
  if ("ebnf" in form) {
    throw new UnsupportedGrammar("expected no tools beside a grammar of its own");
  }
  return sourceOf((grammar) =>
    choice([form.write(grammar), toolCalls(grammar, { tools, called: tools, isParallel })]),
  );
}

/** @throws ApiError where there are several: an answer has one form */
function askedForm(request: ChatRequest): AskedForm | undefined {
  const [form, other] = askedForms(request);
  if (form !== undefined && other !== undefined) {
    throw new ApiError(
      "invalid_request",
      `${other.param}: expected one form of the answer, got ${form.param} too.`,
      { param: other.param },
    );
  }
  return form;
}

function askedForms(request: ChatRequest): AskedForm[] {
  const { response_format: format, structured_outputs: outputs = {} } = request;
  const forms: AskedForm[] = [];
  if (format?.type === "json_object") {
    forms.push({ param: "response_format", write: anyObject });
  }
  if (format?.type === "json_schema") {
    const { schema } = format.json_schema;
    forms.push({
      param: "response_format.json_schema.schema",
      write: schema === undefined ? anyObject : schemaWriter(() => schema),
    });
  }
  const older = {
    json: request.guided_json,
    regex: request.guided_regex,
    choice: request.guided_choice,
    grammar: request.guided_grammar,
  };
  return [
    ...forms,
    ...namedForms(outputs, (name) => `structured_outputs.${name}`),
    ...namedForms(older, (name) => `guided_${name}`),
  ];
}

type NamedForms = NonNullable<ChatRequest["structured_outputs"]>;

function namedForms(forms: NamedForms, paramOf: (name: string) => string): AskedForm[] {
  const { json, json_object: isObject, regex, choice: texts, grammar } = forms;
  const asked: AskedForm[] = [];
  if (json !== undefined) {
    asked.push({ param: paramOf("json"), write: schemaWriter(() => schemaOf(json)) });
  }
  if (isObject === true) {
    asked.push({ param: paramOf("json_object"), write: anyObject });
  }
  if (regex !== undefined) {
    asked.push({ param: paramOf("regex"), write: () => wholeMatch(regex, plainCharacter) });
  }
  if (texts !== undefined) {
    asked.push({ param: paramOf("choice"), write: () => choice(texts.map((item) => text(item))) });
  }
  if (grammar !== undefined) {
    asked.push({ param: paramOf("grammar"), ebnf: grammar });
  }
  return asked;
}

/** The schema is read, and may be refused, only when the grammar is written. */
function schemaWriter(read: () => unknown): (grammar: Grammar) => Expression {
  return (grammar) => {
    const schema = read();
    const bytes = Buffer.byteLength(JSON.stringify(schema));
    if (bytes > MAX_SCHEMA_BYTES) {
      throw new UnsupportedGrammar(
        `expected a schema of at most ${MAX_SCHEMA_BYTES} bytes, got ${bytes}`,
      );
    }
    return jsonSchemaText(grammar, schema);
  };
}

/** vLLM takes a schema as JSON text too. */
function schemaOf(json: unknown): unknown {
  if (typeof json !== "string") {
    return json;
  }
  try {
    return parseJson(json);
  } catch (cause) {
    throw new UnsupportedGrammar(
      cause instanceof ApiError
        ? cause.message.replace("The body", "the text").replace(/\.$/, "")
        : "expected JSON text",
    );
  }
}
