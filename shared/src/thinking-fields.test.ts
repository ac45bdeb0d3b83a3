import { describe, expect, it } from "vitest";

import { parseChatRequest } from "./chat.ts";
import { ApiError } from "./errors.ts";

const body = { model: "m", messages: [{ role: "user", content: "Hi" }] };

describe("fields of thinking", () => {
  it.each([
    { enable_thinking: true },
    { enable_thinking: false, thinking_budget: 0 },
    { thinking_budget: 2 ** 24 },
    { chat_template_kwargs: {} },
    { chat_template_kwargs: { enable_thinking: false, add_vision_id: true } },
  ])("are taken: %j", (fields) => {
    expect(parseChatRequest({ ...body, ...fields })).toMatchObject(fields);
  });

  it.each<[fields: object, param: string, message: RegExp]>([
    [{ enable_thinking: 1 }, "enable_thinking", /expected boolean/],
    [{ thinking_budget: -1 }, "thinking_budget", /expected a whole number from 0 to .*got -1/],
    [{ thinking_budget: 2 ** 25 }, "thinking_budget", /expected a whole number from 0/],
    [{ chat_template_kwargs: true }, "chat_template_kwargs", /expected an object with enable_/],
    [{ chat_template_kwargs: { tools: [] } }, "chat_template_kwargs.tools", /unknown field/],
    [
      { chat_template_kwargs: { enable_thinking: null } },
      "chat_template_kwargs.enable_thinking",
      /expected boolean/,
    ],
  ])("are refused by name: %j", (fields, param, message) => {
    const parse = () => parseChatRequest({ ...body, ...fields });
    expect(parse).toThrow(ApiError);
    expect(parse).toThrow(
      expect.objectContaining({ param, message: expect.stringMatching(message) }),
    );
  });

  it.each([null, "", "I see."])("of a former turn may be %j", (thought) => {
    const message = { role: "assistant", content: "a", reasoning_content: thought };
    const { messages } = parseChatRequest({ ...body, messages: [...body.messages, message] });
    expect(messages[1]).toMatchObject({ reasoning_content: thought });
  });
});
