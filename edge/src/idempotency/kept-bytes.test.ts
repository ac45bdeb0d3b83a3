import { describe, expect, it } from "vitest";

import { KeptBytes, isWhole, isWorthKeeping } from "./kept-bytes.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("KeptBytes", () => {
  it("puts an answer together", () => {
    const kept = new KeptBytes(5);
    kept.push(bytes("ab"));
    kept.push(bytes("cde"));
    expect(kept.isTooLarge).toBe(false);
    expect(kept.bytes()).toEqual(bytes("abcde"));
  });

  it("forgets one that is too large", () => {
    const kept = new KeptBytes(5);
    kept.push(bytes("abcdef"));
    kept.push(bytes("g"));
    expect(kept.isTooLarge).toBe(true);
    expect(kept.bytes()).toEqual(bytes(""));
  });
});

it.each([
  ["application/json", "{", true],
  ["text/event-stream; charset=utf-8", "data: {}\n\ndata: [DONE]\n\n", true],
  ["text/event-stream; charset=utf-8", 'data: {"error":{}}\n\n', false],
  ["text/event-stream", "", false],
])("an answer of %s that ends with %j is whole: %s", (type, body, expected) => {
  expect(isWhole(type, bytes(body))).toBe(expected);
});

it.each([
  [200, true],
  [400, true],
  [404, true],
  [403, false],
  [409, false],
  [429, false],
  [500, false],
  [503, false],
])("an answer with status %i is kept: %s", (status, expected) => {
  expect(isWorthKeeping(status)).toBe(expected);
});
