import { parseChatRequest } from "@qwen3-vl/shared/chat";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { outputGrammar } from "./output-grammar.ts";
import { TestGrammars } from "./test-grammars.ts";

let test: TestGrammars;
beforeAll(async () => {
  test = await TestGrammars.open({ compileLimitMs: 3000 });
});
afterAll(() => test.grammars.close());

function sourceOf(fields: object): string {
  const messages = [{ role: "user", content: "hi" }];
  return outputGrammar(parseChatRequest({ model: "m", messages, ...fields }))?.source ?? "";
}

const sourceOfSchema = (json: unknown) => sourceOf({ structured_outputs: { json } });

const schemas: [schema: unknown, texts: readonly string[], others: readonly string[]][] = [
  [{ type: "integer" }, ["0", "-17", "123456789012345"], ["-", "01", "1.0", "1234567890123456"]],
  [{ type: "integer", minimum: -12, maximum: 105 }, ["-12", "0", "105"], ["-13", "106", "1000"]],
  [{ type: "integer", exclusiveMinimum: 9, maximum: 10 }, ["10"], ["9", "11"]],
  [
    { type: "number", minimum: 0.25, exclusiveMaximum: 1.5 },
    ["0.25", "0.250", "0.3", "1", "1.0", "1.49"],
    ["0.2", "0.249", "0", "1.5", "1.51", "2"],
  ],
  [{ type: "number", exclusiveMinimum: -0.5, maximum: 0 }, ["-0.49", "0"], ["-0.5", "-1", "0.1"]],
  [
    { type: "string", minLength: 2, maxLength: 20 },
    ['"ab"', '"éé"', '"\\n\\""'],
    ['"a"', `"${"a".repeat(21)}"`],
  ],
  [
    { type: "string", minLength: 70, maxLength: 71 },
    [`"${"a".repeat(70)}"`, `"${"b".repeat(71)}"`],
    [`"${"a".repeat(69)}"`, `"${"a".repeat(72)}"`],
  ],
  [{ type: "string", pattern: "^\\w+-\\d$" }, ['"ab-1"'], ['"ab-"', '"ab-12"', '"-1"']],
  [{ type: "string", pattern: 'b"' }, ['"ab\\"c"', '"b\\""'], ['"ab"', '"b""']],
  [
    { type: "string", format: "date" },
    ['"2024-02-28"', '"1999-12-31"'],
    ['"2024-02-30"', '"2024-13-01"'],
  ],
  [{ enum: ["a", 1, null] }, ['"a"', "1", "null"], ['"b"', "2", "a"]],
  [
    { properties: { a: {}, b: { type: "null" } }, required: ["b"] },
    ['{"b":null}', '{"a": {"c":[1, "x"]}, "b": null}', '{\n  "a":1,\n  "b":null\n}'],
    ["{}", '{"a":1}', '{"b":null,"a":1}', '{"b":null,"c":1}'],
  ],
  [
    { properties: { ab: { type: "null" } }, additionalProperties: { type: "integer" } },
    ["{}", '{"ab":null}', '{"a":1}', '{"ab":null,"abc":1,"b":2}'],
    ['{"ab":1}', '{"a":null}', '{"\\u0061b":1}', '{"a":1,"ab":2}'],
  ],
  [
    { type: "array", items: { type: "integer" }, minItems: 1, maxItems: 3 },
    ["[1]", "[1,2, 3]"],
    ["[]", "[1,2,3,4]", "[1,]"],
  ],
  [
    { prefixItems: [{ type: "null" }, { type: "boolean" }], items: false },
    ["[]", "[null]", "[null,true]"],
    ["[true]", "[null,true,1]"],
  ],
  [
    {
      $ref: "#/$defs/tree",
      $defs: {
        tree: { anyOf: [{ type: "null" }, { type: "array", items: { $ref: "#/$defs/tree" } }] },
      },
    },
    ["null", "[]", "[null,[[null]]]"],
    ["[1]", "nul"],
  ],
  [{ type: "object" }, ["{}", '{"a":{"b":[]}}'], ["[]", '{"a"}', '{   "a":1}']],
];

describe("a grammar of a schema", () => {
  it.each(schemas)("of %j has exactly what is valid", async (schema, texts, others) => {
    const source = sourceOfSchema(schema);
    const accepted = await Promise.all(texts.map((text) => test.accepts(source, text)));
    const refused = await Promise.all(others.map((text) => test.accepts(source, text)));
    expect(texts.filter((_, index) => accepted[index] !== true)).toEqual([]);
    expect(others.filter((_, index) => refused[index] !== false)).toEqual([]);
  });

  it("has no control token and no half of a character in its strings", async () => {
    const source = sourceOfSchema({ type: "string" });
    await test.grammars.check(source);
    using constraint = test.grammars.constraint(source);
    constraint.accept(test.tokenizer.idOf('"') ?? -1);
    const allowed = await test.allowed(constraint);
    expect(allowed.filter((id) => test.tokenizer.isSpecial(id))).toEqual([]);
    const leads = allowed.filter((id) => (test.tokenizer.bytesOf(id)[0] ?? 0) >= 0x80);
    const bytes = new Set(leads.map((id) => test.tokenizer.bytesOf(id)[0] ?? 0));
    expect(Math.min(...bytes)).toBe(0xc2);
    expect(Math.max(...bytes)).toBe(0xf4);
  });
});

describe("a regular expression", () => {
  it.each([
    ["[é-ö€😀-😎]{2}", ["éö", "€😀"], ["zé", "é", "😏é"]],
    ["^a|b$", ["a", "b"], ["ab", "c"]],
    ["(?:x|yz)+?.", ["x!", "xyzé"], ["x", "x\n"]],
    ["[^\\d\\s]*", ["", "ab"], ["a1", "a b"]],
  ])("%s matches whole texts", async (regex, texts, others) => {
    const source = sourceOf({ structured_outputs: { regex } });
    for (const text of texts) {
      expect([text, await test.accepts(source, text)]).toEqual([text, true]);
    }
    for (const text of others) {
      expect([text, await test.accepts(source, text)]).toEqual([text, false]);
    }
  });
});

describe("Grammars", () => {
  const SLOW = "root ::= ([a-z]{1,2000} [0-9]{1,2000}){1,2000}";

  it("says what is wrong with a grammar, each time, and goes on", async () => {
    for (const source of ['root ::= "a', "root ::= b", 'root ::= "a', "root ::= [z-a]"]) {
      await expect(test.grammars.check(source)).rejects.toThrow(/EBNF/);
      expect(await test.accepts('root ::= "x" | "y"', "y")).toBe(true);
    }
  });

  it("gives up a grammar that takes too long, while texts of others go on", async () => {
    const source = sourceOfSchema({ type: "integer" });
    await test.grammars.check(source);
    using constraint = test.grammars.constraint(source);
    const refusal = test.grammars.check(SLOW).catch(String);
    for (const digit of "123") {
      constraint.accept(test.tokenizer.idOf(digit) ?? -1);
      expect(await test.allowed(constraint)).toContain(test.tokenizer.idOf("4"));
    }
    expect(await refusal).toMatch(/compiling it took over 3000 ms/);
    expect(await test.accepts(source, "17")).toBe(true);
  });

  it("tells whether the next token's mask is there", async () => {
    const source = sourceOf({ structured_outputs: { regex: "ab" } });
    await test.grammars.check(source);
    using constraint = test.grammars.constraint(source);
    expect(constraint.isReady).toBe(false);
    await constraint.ready();
    expect(constraint.isReady).toBe(true);
    constraint.accept(test.tokenizer.idOf("a") ?? -1);
    expect(constraint.isReady).toBe(false);
    await constraint.ready();
    expect(constraint.isReady).toBe(true);
  });

  it("fails the text at fault alone when its thread is lost, and begins the others again", async () => {
    const source = sourceOf({ structured_outputs: { regex: "abc" } });
    await test.grammars.check(source);
    using good = test.grammars.constraint(source);
    using bad = test.grammars.constraint(source);
    good.accept(test.tokenizer.idOf("a") ?? -1);
    await good.ready();
    bad.accept(test.tokenizer.idOf("z") ?? -1); // not allowed: the thread is no longer trusted
    await bad.ready();
    expect(() => bad.apply(new Float32Array(1536))).toThrow(/does not allow token/);
    good.accept(test.tokenizer.idOf("b") ?? -1);
    expect(await test.allowed(good)).toEqual([test.tokenizer.idOf("c")]);
  });
});
