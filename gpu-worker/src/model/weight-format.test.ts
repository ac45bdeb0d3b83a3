import { describe, expect, it } from "vitest";

import { codecOf, formatName } from "./weight-format.ts";
import type { WeightFormat } from "./weight-format.ts";

/** Values that count from 0, encoded; a weight of this shape in one piece. */
function encoded(format: WeightFormat, ...shape: readonly number[]) {
  const length = shape.reduce((product, side) => product * side, 1);
  const values = Float32Array.from({ length }, (_, index) => index);
  const codec = codecOf(format);
  const parts = codec.encode(values, shape[0] ?? 1);
  return codec.parts(shape).map((part, index) => ({
    type: part.type,
    shape: part.shape,
    values: Array.from(parts[index] ?? []),
  }));
}

const blocks = (bits: 4 | 8, size: number): WeightFormat => ({ kind: "blocks", bits, size });

/** Type, sides and length of each part. */
const partsOf = (bits: 4 | 8, ...shape: readonly number[]) =>
  encoded(blocks(bits, 16), ...shape).map((part) => [
    part.type,
    part.shape.join("×"),
    part.values.length,
  ]);

describe("a weight is encoded", () => {
  it("as float32 of the same sides", () => {
    expect(encoded({ kind: "float32" }, 2, 3)).toEqual([
      { type: "float32", shape: [2, 3], values: [0, 1, 2, 3, 4, 5] },
    ]);
  });

  it("transposed, where all sides but the first are columns", () => {
    const turned = [{ type: "float32", shape: [4, 2], values: [0, 4, 1, 5, 2, 6, 3, 7] }];
    expect(encoded({ kind: "float32-columns" }, 2, 4)).toEqual(turned);
    expect(encoded({ kind: "float32-columns" }, 2, 2, 2)).toEqual(turned);
  });

  it("transposed beyond the blocks in which it is copied", () => {
    const [part] = encoded({ kind: "float32-columns" }, 70, 3);
    expect(part?.shape).toEqual([3, 70]);
    expect(part?.values.every((value, i) => value === (i % 70) * 3 + Math.floor(i / 70))).toBe(
      true,
    );
  });

  it("as int8 columns with a scale for each row of the source", () => {
    const [quants, scales] = encoded({ kind: "int8-columns" }, 2, 4);
    expect(quants).toEqual({
      type: "int8",
      shape: [4, 2],
      values: [0, 36, 21, 45, 42, 54, 63, 63],
    });
    expect(scales).toEqual({
      type: "float32",
      shape: [2],
      values: [Math.fround(3 / 63), Math.fround(7 / 63)],
    });
  });

  it("as blocks of 4 bits, two a byte, or 8, with a scale each, for matrices and experts alike", () => {
    expect(partsOf(4, 3, 32)).toEqual([
      ["uint8", "3×16", 48],
      ["float32", "3×2", 6],
    ]);
    expect(partsOf(8, 2, 3, 32)).toEqual([
      ["uint8", "2×3×32", 192],
      ["float32", "2×3×2", 12],
    ]);
  });

  it("as blocks of 4 bits with a scale and a zero each, where a row's zeros fill whole bytes", () => {
    const parts = encoded({ kind: "offset-blocks", size: 16 }, 3, 48);
    expect(parts.map(({ type, shape, values }) => [type, shape.join("×"), values.length])).toEqual([
      ["uint8", "3×24", 72],
      ["float32", "3×3", 9],
      ["uint8", "3×2", 6],
    ]);
  });

  it("only where rows have whole blocks", () => {
    expect(() => codecOf(blocks(4, 32)).parts([3, 48])).toThrow(
      "rows of 48 values have no whole blocks of 32",
    );
  });

  it("under a name of its own", () => {
    const formats: WeightFormat[] = [
      { kind: "float32" },
      { kind: "int8-columns" },
      blocks(4, 32),
      blocks(4, 16),
      blocks(8, 32),
      { kind: "offset-blocks", size: 32 },
    ];
    expect(new Set(formats.map(formatName)).size).toBe(formats.length);
  });
});
