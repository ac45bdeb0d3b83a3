import { describe, expect, it } from "vitest";

import { parseChatRequest } from "./chat.ts";
import { ApiError } from "./errors.ts";
import { callableTools } from "./tool-fields.ts";

const tool = (name: string) => ({ type: "function", function: { name } });
const body = { model: "m", messages: [{ role: "user", content: "Hi" }] };
const tools = [tool("f"), tool("g")];

describe("tool_choice", () => {
  it.each<[choice: unknown, callable: string[]]>([
    [undefined, ["f", "g"]],
    [null, ["f", "g"]],
    ["auto", ["f", "g"]],
    ["required", ["f", "g"]],
    [tool("g"), ["f", "g"]],
    ["none", []],
  ])("%j leaves the tools %j", (choice, callable) => {
    const request = parseChatRequest({ ...body, tools, tool_choice: choice });
    expect(callableTools(request).map((each) => each.function.name)).toEqual(callable);
    expect(parseChatRequest(request)).toEqual(request);
  });

  it.each<[fields: object, param: string, message: RegExp]>([
    [{ tool_choice: "auto" }, "tool_choice", /only allowed when tools are given/],
    [{ tool_choice: "none", tools: [] }, "tool_choice", /only allowed when tools are given/],
    [{ tool_choice: tool("h"), tools }, "tool_choice.function.name", /one of tools, got "h"/],
    [{ tool_choice: "f", tools }, "tool_choice", /expected "none", "auto", "required".*got "f"/],
    [{ parallel_tool_calls: 1, tools }, "parallel_tool_calls", /expected boolean/],
  ])("of %j is refused", (fields, param, message) => {
    const parse = () => parseChatRequest({ ...body, ...fields });
    expect(parse).toThrow(ApiError);
    expect(parse).toThrow(
      expect.objectContaining({ param, message: expect.stringMatching(message) }),
    );
  });
});
