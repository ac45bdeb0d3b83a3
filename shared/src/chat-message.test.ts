import { describe, expect, it } from "vitest";

import { Message } from "./chat-message.ts";

const url = "https://example.com/a.png";

/** The one part of a user's message, as the schema gives it back. */
function parsed(part: unknown): unknown {
  const { content } = Message.parse({ role: "user", content: [part] });
  return typeof content === "object" && content !== null ? content[0] : content;
}

function refusalOf(part: unknown): string {
  const result = Message.safeParse({ role: "user", content: [part] });
  return result.error?.message ?? "accepted";
}

describe("a picture", () => {
  it.each([
    ["OpenAI's chat", { type: "image_url", image_url: { url } }],
    ["a bare URL", { type: "image_url", image_url: url }],
    ["OpenAI's responses", { type: "input_image", image_url: url }],
    ["OpenAI's responses with a file's id", { type: "input_image", file_id: url }],
    ["the same beside null", { type: "input_image", image_url: null, file_id: url }],
    ["Qwen's", { type: "image", image: url }],
    ["Qwen's with an object", { type: "image", image: { url } }],
    ["DashScope's", { image: url }],
    ["no type", { image_url: { url } }],
  ])("means the same in the spelling: %s", (_, part) => {
    expect(parsed(part)).toEqual({ type: "image_url", image_url: { url } });
  });

  it("keeps its detail inside and its pixel options beside it, numbers also as text", () => {
    const inside = { url, detail: "low", max_pixels: "50176" };
    expect(parsed({ type: "image_url", image_url: inside, min_pixels: 3136 })).toEqual({
      type: "image_url",
      image_url: { url, detail: "low" },
      min_pixels: 3136,
      max_pixels: 50_176,
    });
  });

  it("refuses a pixel option that is said twice", () => {
    const part = { type: "image_url", image_url: { url, max_pixels: 1 }, max_pixels: 2 };
    expect(refusalOf(part)).toContain("max_pixels");
  });

  it.each([
    ["both spellings at once", { type: "image", image: url, image_url: url }, '"image"'],
    [
      "null with someone's uuid",
      { type: "image_url", image_url: null, uuid: "a" },
      "received null",
    ],
    ["an empty URL", { type: "image_url", image_url: "" }, "image_url"],
    ["a picture beside a text", { type: "text", text: "a", image_url: url }, "image_url"],
    ["a picture beside a text without type", { text: "a", image: url }, '"image"'],
    ["an unknown field inside", { image_url: { url, width: 7 } }, "width"],
    ["a field that objects inherit", { image_url: { url, constructor: 7 } }, "constructor"],
    ["pixels as a word", { image: url, max_pixels: "many" }, "max_pixels"],
    ["no pixels", { image: url, max_pixels: 0 }, "max_pixels"],
  ])("is refused with the field's name: %s", (_, part, field) => {
    expect(refusalOf(part)).toContain(field);
  });

  it("is not found behind __proto__", () => {
    const part: unknown = JSON.parse(`{"type":"image_url","image_url":{"__proto__":{"url":"x"}}}`);
    expect(refusalOf(part)).toContain("url");
    const beside: unknown = JSON.parse(`{"image_url":{"url":"x","__proto__":{"detail":"low"}}}`);
    expect(refusalOf(beside)).toContain("__proto__");
  });
});

describe("a text", () => {
  it.each([{ type: "text", text: "hi" }, { type: "input_text", text: "hi" }, { text: "hi" }])(
    "means the same as %j",
    (part) => {
      expect(parsed(part)).toEqual({ type: "text", text: "hi" });
    },
  );
});

describe("a message", () => {
  it.each([
    [{ role: "system", content: "be brief" }],
    [{ role: "developer", content: [{ text: "be brief" }], name: "me" }],
    [{ role: "user", content: [{ image: url, resized_width: "64" }, { text: "what?" }] }],
    [{ role: "tool", content: "22 °C", tool_call_id: "1" }],
    [{ role: "assistant", content: null, tool_calls: [toolCall()] }],
    [{ role: "assistant" }],
  ])("goes in again as it came out: %j", (message) => {
    const once = Message.parse(message);
    expect(Message.parse(once)).toEqual(once);
    expect(Message.parse(JSON.parse(JSON.stringify(once)))).toEqual(once);
  });

  it("may be an answer of ours or OpenAI's, whole, with all its nulls", () => {
    const answer = {
      role: "assistant",
      content: "a square",
      refusal: null,
      annotations: null,
      audio: null,
      function_call: null,
      tool_calls: null,
    };
    expect(Message.safeParse(answer).success).toBe(true);
    expect(Message.safeParse({ ...answer, annotations: [] }).success).toBe(true);
  });

  it.each([
    ["another role", { role: "critic", content: "" }, "expected a message of role"],
    ["no role", { content: "" }, "expected a message of role"],
    ["no content", { role: "user" }, "expected a string or a list"],
    ["content that is a number", { role: "user", content: 5 }, "expected a string or a list"],
    ["no parts", { role: "user", content: [] }, ">=1 items"],
    [
      "1,025 parts",
      { role: "user", content: Array.from({ length: 1025 }, () => ({ text: "" })) },
      "<=1024 items",
    ],
    ["a part of another kind", { role: "user", content: [{ type: "audio" }] }, 'got \\"audio\\"'],
    ["an unknown field", { role: "user", content: "", cache_control: {} }, "cache_control"],
    ["an answer to no call", { role: "tool", content: "22 °C" }, "tool_call_id"],
  ])("is refused with a reason: %s", (_, message, reason) => {
    expect(Message.safeParse(message).error?.message).toContain(reason);
  });
});

function toolCall() {
  return { id: "1", type: "function", function: { name: "weather", arguments: "{}" } };
}
