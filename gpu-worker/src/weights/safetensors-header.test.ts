import { describe, expect, it } from "vitest";

import { CheckpointError } from "./checkpoint-error.ts";
import { parseSafetensorsHeader } from "./safetensors-header.ts";
import { float32Entry } from "./test-safetensors.ts";

function parse(header: unknown, dataBytes = 1000) {
  const json = typeof header === "string" ? header : JSON.stringify(header);
  return parseSafetensorsHeader("m.safetensors", json, 8 + Buffer.byteLength(json) + dataBytes);
}

describe("parseSafetensorsHeader", () => {
  it("places tensors behind the header, whose length counts in bytes", () => {
    const header = {
      __metadata__: { format: "é" },
      b: float32Entry([2, 3], 4),
      a: float32Entry([], 0),
    };
    const dataStart = 8 + Buffer.byteLength(JSON.stringify(header));
    expect(parse(header, 28)).toEqual([
      { name: "b", dtype: "F32", shape: [2, 3], start: dataStart + 4, end: dataStart + 28 },
      { name: "a", dtype: "F32", shape: [], start: dataStart, end: dataStart + 4 },
    ]);
  });

  it("accepts an empty tensor where another begins, in any order", () => {
    const header = { full: float32Entry([2], 0), empty: float32Entry([0, 7], 0) };
    expect(parse(header, 8)).toHaveLength(2);
  });

  it.each([
    ["no JSON", "{", "the safetensors header is damaged"],
    ["a list", "[]", "the safetensors header is damaged"],
    ["an entry without a shape", { a: { dtype: "F32", data_offsets: [0, 4] } }, "damaged: a.shape"],
    ["a negative side", { a: { ...float32Entry([1], 0), shape: [-1] } }, "damaged: a.shape.0"],
    [
      "a side that is no whole number",
      { a: { ...float32Entry([1], 0), shape: [0.5] } },
      "a.shape.0",
    ],
    ["nine sides", { a: float32Entry(Array(9).fill(1), 0) }, "damaged: a.shape"],
    ["a negative offset", { a: { ...float32Entry([1], 0), data_offsets: [-4, 0] } }, "damaged: a"],
    ["metadata that is no text", { __metadata__: { a: 1 } }, "damaged: __metadata__.a"],
    ["a dtype of no use", { a: { ...float32Entry([1], 0), dtype: "I64" } }, "a: dtype I64 is not"],
    [
      "fewer bytes than the shape needs",
      { a: { ...float32Entry([3], 0), data_offsets: [0, 8] } },
      "a: shape [3] of F32 needs 12 bytes, got 8",
    ],
    [
      "an end before the begin",
      { a: { ...float32Entry([1], 0), data_offsets: [8, 4] } },
      "needs 4 bytes, got -4",
    ],
    [
      "sides whose product overflows",
      { a: { ...float32Entry([1], 0), shape: [2 ** 52, 2 ** 52, 0.5 * 2 ** 53] } },
      "bytes, got 4",
    ],
    [
      "tensors that overlap",
      { a: float32Entry([2], 0), b: float32Entry([2], 4) },
      "b overlaps the tensor before it",
    ],
    [
      "two names for the same bytes",
      { a: float32Entry([2], 0), b: float32Entry([2], 0) },
      "b overlaps the tensor before it",
    ],
    ["a tensor beyond the file's end", { a: float32Entry([251], 0) }, "a ends at byte"],
  ])("refuses %s", (_, header, message) => {
    expect(() => parse(header)).toThrow(CheckpointError);
    expect(() => parse(header)).toThrow(`m.safetensors: `);
    expect(() => parse(header)).toThrow(message);
  });
});
