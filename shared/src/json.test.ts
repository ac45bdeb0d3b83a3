import { describe, expect, it } from "vitest";

import { ApiError } from "./errors.ts";
import { parseJson } from "./json.ts";

describe("parseJson", () => {
  it.each([
    ["objects in a list with the same keys", '[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
    ["a key again one level down", '{"a":{"a":1}}', { a: { a: 1 } }],
    ["a text that equals a key", '{"a":"a","b":"a"}', { a: "a", b: "a" }],
    ["brackets and escapes in a text", String.raw`{"a":"[{\"\\"}`, { a: '[{"\\' }],
    ["64 levels", `${"[".repeat(64)}${"]".repeat(64)}`, expect.any(Array)],
    ["a bare value", "7", 7],
  ])("reads %s", (_, text, value) => {
    expect(parseJson(text)).toEqual(value);
  });

  it("keeps __proto__ a key like any other", () => {
    const value = parseJson('{"__proto__":{"isAdmin":true}}');
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.keys(value ?? {})).toEqual(["__proto__"]);
  });

  it.each([
    ["no text", "", "not valid JSON"],
    ["an open text", '{"a":"b', "not valid JSON"],
    ["a text that ends in backslashes", `"${"\\".repeat(1e5)}"x`, "not valid JSON"],
    ["NaN", '{"temperature":NaN}', "not valid JSON"],
    ["a trailing comma", '{"a":1,}', "not valid JSON"],
    ["closing brackets alone", "]".repeat(100), "not valid JSON"],
    ["65 levels", `${"[".repeat(65)}${"]".repeat(65)}`, "nested deeper than 64 levels"],
    ["100,000 open brackets", '{"a":['.repeat(1e5), "nested deeper than 64 levels"],
    ["a key twice", '{"n":1,"n":2}', 'The key "n" stands twice in one object.'],
    ["a key twice in other letters", String.raw`{"n" : 1, "\u006e":2}`, 'The key "n" stands twice'],
    ["a key twice deep down", '{"a":[{"b":{"c":1},"d":"}","b":2}]}', 'The key "b" stands twice'],
    ["__proto__ twice", '{"__proto__":1,"__proto__":2}', 'The key "__proto__" stands twice'],
  ])("refuses %s", (_, text, message) => {
    expect(() => parseJson(text)).toThrow(ApiError);
    expect(() => parseJson(text)).toThrow(
      expect.objectContaining({
        code: "invalid_request",
        param: "body",
        message: expect.stringContaining(message),
      }),
    );
  });

  it("does not repeat a key of a megabyte in its message", () => {
    const key = "k".repeat(1e6);
    expect(() => parseJson(`{"${key}":1,"${key}":2}`)).toThrow(/^.{0,150}$/);
  });

  it("reads megabytes of escapes in linear time", () => {
    const text = String.raw`\"`.repeat(5e6);
    expect(parseJson(`{"a":"${text}"}`)).toEqual({ a: '"'.repeat(5e6) });
  });
});
