import { describe, expect, it } from "vitest";

import { mediaParts, parseChatRequest, urlsOf } from "./chat.ts";
import { ApiError } from "./errors.ts";
import { parseJson } from "./json.ts";

const body = { model: "m", messages: [{ role: "user", content: "hi" }] };
const image = { type: "image", image: "https://example.com/a.png" };

function refusalOf(request: unknown): ApiError {
  try {
    parseChatRequest(request);
  } catch (error) {
    if (error instanceof ApiError) {
      return error;
    }
    throw error;
  }
  throw new Error("the request was accepted");
}

describe("parseChatRequest", () => {
  it("takes the least request, which does not stream", () => {
    expect(parseChatRequest(body)).toEqual({ ...body, stream: false });
  });

  it("is idempotent: what comes out goes in again unchanged", () => {
    const once = parseChatRequest({
      ...body,
      messages: [{ role: "user", content: [image, { text: "what?" }] }],
      stream: true,
      stream_options: { include_usage: true },
      stop: ["\n", "END"],
      tools: [{ type: "function", function: { name: "f", parameters: { type: "object" } } }],
      user: "me",
      top_k: -1,
      mm_processor_kwargs: { fps: "1", size: { longest_edge: "50000" } },
    });
    expect(parseChatRequest(once)).toEqual(once);
    expect(parseChatRequest(JSON.parse(JSON.stringify(once)))).toEqual(once);
  });

  it("ignores OpenAI's fields that change nothing here, and null in the place of any field", () => {
    const request = { ...body, user: "me", metadata: { a: "b" }, store: true, stop: null, n: null };
    expect(parseChatRequest(request)).toEqual({ ...body, stream: false });
  });

  it("accepts the neutral value of what is not supported", () => {
    const neutral = {
      n: 1,
      logprobs: false,
      response_format: { type: "text" },
      logit_bias: {},
      modalities: ["text"],
    };
    expect(parseChatRequest({ ...body, ...neutral })).toEqual({
      ...body,
      stream: false,
      ...neutral,
    });
  });

  it.each<[string, Record<string, unknown>, string, string]>([
    ["n of 2³¹", { n: 2 ** 31 }, "n", "expected a whole number from 1 to 64, got 2147483648"],
    ["n of −1", { n: -1 }, "n", "expected a whole number from 1 to 64, got -1"],
    ["huge max_tokens", { max_tokens: 1e99 }, "max_tokens", "from 1 to 16777216, got 1e+99"],
    ["negative max_tokens", { max_tokens: -1 }, "max_tokens", "from 1 to 16777216, got -1"],
    ["no max_tokens", { max_completion_tokens: 0 }, "max_completion_tokens", "from 1 to"],
    ["half a token", { max_tokens: 1.5 }, "max_tokens", "a whole number from 1"],
    ["max_tokens as text", { max_tokens: "5" }, "max_tokens", 'got "5"'],
    ["a million top_logprobs", { top_logprobs: 1e6 }, "top_logprobs", "from 0 to 20, got 1000000"],
    ["100,000 biases", { logit_bias: biases(1e5) }, "logit_bias", "expected at most 1024 tokens"],
    ["10,000 stop strings", { stop: Array(1e4).fill("a") }, "stop", "up to 16 strings"],
    ["an empty stop string", { stop: ["a", ""] }, "stop.1", 'got ""'],
    ["a stop string of a megabyte", { stop: ["a".repeat(1e6)] }, "stop.0", "<=256 characters"],
    ["a stop string that is a number", { stop: 7 }, "stop", "expected a string"],
    ["temperature NaN", { temperature: Number.NaN }, "temperature", "received NaN"],
    ["temperature 3", { temperature: 3 }, "temperature", "<=2, got 3"],
    ["top_p 0", { top_p: 0 }, "top_p", ">0, got 0"],
    ["a seed beyond whole numbers", { seed: 2 ** 60 }, "seed", "expected int"],
    ["a template of the client's", { chat_template: "{{ x }}" }, "chat_template", "unknown field"],
    [
      "arguments of the template",
      { chat_template_kwargs: { tokenize: true } },
      "chat_template_kwargs.tokenize",
      "unknown field",
    ],
    [
      "another video backend",
      { media_io_kwargs: { video_backend: "x" } },
      "media_io_kwargs",
      "unknown field",
    ],
    [
      "a huge processor size",
      { mm_processor_kwargs: { size: 1e9 } },
      "mm_processor_kwargs.size",
      "Invalid input: expected object",
    ],
    ["another format", { response_format: { type: "xml" } }, "response_format.type", "json_schema"],
    ["a stream that is a text", { stream: "yes" }, "stream", "expected boolean"],
    ["an unknown option", { stream_options: { x: 1 } }, "stream_options.x", "unknown field"],
    [
      "a tool's name with spaces",
      { tools: [{ type: "function", function: { name: "rm -rf" } }] },
      "tools.0.function.name",
      'got "rm -rf"',
    ],
    ["no messages", { messages: [] }, "messages", ">=1 items"],
    [
      "1,025 messages",
      { messages: Array.from({ length: 1025 }, () => body.messages[0]) },
      "messages",
      "<=1024",
    ],
    ["a message that is none", { messages: [7] }, "messages.0", "expected a message"],
    [
      "a part within a message",
      { messages: [{ role: "user", content: [image, { type: "file" }] }] },
      "messages.0.content.1.type",
      'got "file"',
    ],
    [
      "1026 pictures",
      {
        messages: Array.from({ length: 2 }, () => ({
          role: "user",
          content: Array.from({ length: 513 }, () => image),
        })),
      },
      "messages",
      "at most 1024 pictures, clips and frames are allowed, got 1026",
    ],
    ["no model", { model: "" }, "model", "got"],
  ])("refuses %s", (_, fields, param, reason) => {
    const error = refusalOf({ ...body, ...fields });
    expect(error).toMatchObject({ code: "invalid_request", status: 400, param });
    expect(error.message).toContain(`${param}: `);
    expect(error.message).toContain(reason);
  });

  it.each([null, undefined, 7, "text", [], [body]])("refuses a body that is %j", (value) => {
    expect(refusalOf(value)).toMatchObject({ param: "body" });
  });

  it("refuses a field __proto__, wherever it stands, and lets it change nothing", () => {
    const evil = '"__proto__":{"temperature":2,"role":"system"}';
    const top = parseJson(`{${evil},"model":"m","messages":[{"role":"user","content":"hi"}]}`);
    expect(refusalOf(top)).toMatchObject({ param: "__proto__" });
    const inner = parseJson(`{"model":"m","messages":[{${evil},"role":"user","content":"hi"}]}`);
    expect(refusalOf(inner)).toMatchObject({ param: "messages.0.__proto__" });
    expect(refusalOf(parseJson(`{${evil}}`)).param).not.toBe("temperature");
  });

  it("names a key of a megabyte by its begin", () => {
    const error = refusalOf({ ...body, ["k".repeat(1e6)]: 1 });
    expect(error.param).toBe("k".repeat(200));
    expect(error.message.length).toBeLessThan(250);
  });

  it("shows no more than the begin of a long value", () => {
    const error = refusalOf({ ...body, response_format: { type: "x".repeat(1e6) } });
    expect(error.message.length).toBeLessThan(250);
  });
});

describe("mediaParts", () => {
  it("finds all pictures in order, with their paths", () => {
    const request = parseChatRequest({
      ...body,
      messages: [
        { role: "system", content: "look" },
        { role: "user", content: [{ text: "one" }, image] },
        { role: "assistant", content: null },
        { role: "user", content: [{ ...image, image: "cid:media-1" }] },
      ],
    });
    expect(mediaParts(request).flatMap(urlsOf)).toEqual([
      { path: "messages.1.content.1.image_url.url", kind: "image", url: image.image },
      { path: "messages.3.content.0.image_url.url", kind: "image", url: "cid:media-1" },
    ]);
  });

  it("finds clips and the frames of lists", () => {
    const parts = [
      { video: "https://a/b.mp4", fps: "2" },
      { video: ["f0", "f1"], sample_fps: 2 },
    ];
    const request = parseChatRequest({ ...body, messages: [{ role: "user", content: parts }] });
    expect(mediaParts(request).map(({ part }) => part)).toEqual([
      { type: "video_url", video_url: { url: "https://a/b.mp4" }, fps: 2 },
      { type: "video", video: ["f0", "f1"], sample_fps: 2 },
    ]);
    expect(mediaParts(request).flatMap(urlsOf)).toEqual([
      { path: "messages.0.content.0.video_url.url", kind: "video", url: "https://a/b.mp4" },
      { path: "messages.0.content.1.video.0", kind: "image", url: "f0" },
      { path: "messages.0.content.1.video.1", kind: "image", url: "f1" },
    ]);
  });
});

function biases(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, token) => [token, 1]));
}
