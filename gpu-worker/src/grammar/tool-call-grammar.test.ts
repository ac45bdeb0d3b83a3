import type { Tool } from "@qwen3-vl/shared/chat-message";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { TestGrammars } from "./test-grammars.ts";
import { toolCallGrammar } from "./tool-call-grammar.ts";

let test: TestGrammars;
beforeAll(async () => {
  test = await TestGrammars.open();
});
afterAll(() => test.grammars.close());

const point = { type: "object", properties: { x: { $ref: "#/$defs/c" } }, required: ["x"] };
const tool = (name: string, parameters?: Record<string, unknown>, strict = false): Tool => ({
  type: "function",
  function: { name, parameters, strict },
});
const tools = [
  tool("click", { ...point, $defs: { c: { type: "integer" } } }, true),
  tool("say", { ...point, $defs: { c: { const: "hi" } } }, true),
  tool("any", { not: {} }),
];
const call = (name: string, args: string) =>
  `<tool_call>\n{"name": "${name}", "arguments": ${args}}\n</tool_call>`;
const CLICK = call("click", '{"x": 5}');
const SAY = call("say", '{"x": "hi"}');

type Wanted = Parameters<typeof toolCallGrammar>[1];

async function accepts(wanted: Wanted, parallel: boolean, text: string) {
  return test.accepts(toolCallGrammar(tools, wanted, parallel)?.source ?? "", text);
}

describe("toolCallGrammar", () => {
  it.each<[Wanted, boolean, string, boolean]>([
    ["required", true, CLICK, true],
    ["required", true, `${CLICK}\n${SAY}`, true],
    ["required", false, `${CLICK}\n${SAY}`, false],
    ["required", true, "Hello", false],
    ["required", true, call("click", '{"x": "hi"}'), false],
    ["required", true, call("any", '{"free": [1]}'), true],
    ["required", true, call("other", "{}"), false],
    [{ name: "say" }, true, SAY, true],
    [{ name: "say" }, true, CLICK, false],
    ["auto", true, "Hello", true],
    ["auto", true, `Now: ${CLICK}\n${SAY}`, true],
    ["auto", true, `Now: ${call("click", '{"x": "hi"}')}`, false],
    ["auto", false, CLICK, true],
    ["auto", false, `${CLICK}\n${SAY}`, false],
  ])("with %j and parallel %j, of %j says %j", async (wanted, parallel, text, expected) => {
    expect(await accepts(wanted, parallel, text)).toBe(expected);
  });

  it("binds nothing where the model chooses and no function is strict", () => {
    expect(toolCallGrammar([tool("any")], "auto", true)).toBeUndefined();
  });

  it("refuses parameters of a strict function that cannot be kept, and a function that is none", () => {
    const strict = [tool("a"), tool("b", { properties: { c: { not: {} } } }, true)];
    expect(() => toolCallGrammar(strict, "auto", true)).toThrow(
      expect.objectContaining({ param: "tools.1.function.parameters.properties.c.not" }),
    );
    expect(() => toolCallGrammar(tools, { name: "none" }, true)).toThrow(
      expect.objectContaining({ param: "tool_choice" }),
    );
  });
});
