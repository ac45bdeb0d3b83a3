import { parseChatRequest } from "@qwen3-vl/shared/chat";
import { describe, expect, it } from "vitest";

import { outputGrammar } from "./output-grammar.ts";

function grammarFor(fields: object) {
  const messages = [{ role: "user", content: "hi" }];
  return outputGrammar(parseChatRequest({ model: "m", messages, ...fields }));
}

const withSchema = (schema: unknown) => ({
  response_format: { type: "json_schema", json_schema: { name: "answer", schema } },
});

const refused: [schema: unknown, says: RegExp, where?: string][] = [
  [{ $ref: "#" }, /no finite text/],
  [{ anyOf: [{ $ref: "#" }, { type: "null" }] }, /leads back to itself/],
  [{ properties: { a: { $ref: "#" } }, required: ["a"] }, /no finite text/],
  [{ $ref: "https://a.example/schema" }, /into the schema itself .*got "https:/, "$ref"],
  [{ $ref: "#/$defs/none" }, /nothing is at "#\/\$defs\/none"/, "$ref"],
  [{ type: "text" }, /type: expected object, array/],
  [{ type: "string", pattern: 7 }, /pattern: expected a string, got number/],
  [{ type: "string", pattern: "(?=a)b" }, /lookaround and flags are not supported/],
  [{ type: "string", pattern: "(a" }, /a group is not closed/],
  [{ type: "string", pattern: "a", maxLength: 3 }, /one at a time/],
  [{ type: "string", format: "iri" }, /format "iri" is not supported; date, time/],
  [{ enum: Array.from({ length: 1001 }, (_, n) => n) }, /at most 1000 values in all, got 1001/],
  [{ enum: Array.from({ length: 1e5 }, (_, n) => n) }, /at most 262144 bytes/],
  [{ enum: ["a"], type: "integer" }, /none of the values is of the schema's type/],
  [{ type: "integer", minimum: 5, maximum: 4 }, /there is no integer from 5 to 4/],
  [{ type: "integer", multipleOf: 3 }, /the keyword multipleOf is not/, "multipleOf"],
  [{ type: "array", uniqueItems: true }, /the keyword uniqueItems is not/, "uniqueItems"],
  [{ type: "array", minItems: 1e5 }, /minItems: expected a whole number from 0 to 10000/],
  [{ properties: { a: { not: {} } } }, /the keyword not is/, "properties.a.not"],
  [{ allOf: [{}, {}] }, /allOf is supported with one schema, got 2/, "allOf"],
  [{ oneOf: [{ type: "object" }, { type: "object" }] }, /exclude each other/, "oneOf"],
  [{ anyOf: [{}], required: ["a"] }, /required beside anyOf/],
  [{ required: ["a"], additionalProperties: false }, /"a" is not among the properties/],
];

describe("outputGrammar", () => {
  it.each(refused)("refuses the schema %j with %s", (schema, says, where) => {
    const param = ["response_format.json_schema.schema", ...(where === undefined ? [] : [where])];
    expect(() => grammarFor(withSchema(schema))).toThrow(
      expect.objectContaining({
        code: "invalid_request",
        param: param.join("."),
        message: expect.stringMatching(says),
      }),
    );
  });

  it("is undefined where the answer is free", () => {
    expect(grammarFor({})).toBeUndefined();
    expect(grammarFor({ response_format: { type: "text" } })).toBeUndefined();
    expect(grammarFor({ structured_outputs: {} })).toBeUndefined();
  });

  it("takes one form of the answer, not two", () => {
    expect(() => grammarFor({ guided_regex: "a", guided_choice: ["b"] })).toThrow(
      /guided_choice: expected one form of the answer, got guided_regex too/,
    );
  });

  it("reads the older fields as those of structured_outputs", () => {
    const schema = { type: "object", properties: { a: { type: "integer" } } };
    for (const [name, value] of Object.entries({
      json: schema,
      regex: "[a-z]+",
      choice: ["red", "green"],
      grammar: 'root ::= "a"',
    })) {
      const newer = grammarFor({ structured_outputs: { [name]: value } });
      expect(newer?.param).toBe(`structured_outputs.${name}`);
      expect(grammarFor({ [`guided_${name}`]: value })?.source).toBe(newer?.source);
    }
    expect(grammarFor({ guided_json: JSON.stringify(schema) })?.source).toBe(
      grammarFor({ guided_json: schema })?.source,
    );
  });

  it("says where text that should be a schema is no JSON", () => {
    expect(() => grammarFor({ guided_json: "{" })).toThrow(
      /guided_json: the text is not valid JSON/,
    );
  });
});
