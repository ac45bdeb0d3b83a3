import { describe, expect, it } from "vitest";

import type { WeightLayout } from "./graph.ts";
import { arrange, storedShape } from "./weight-layout.ts";

/** A weight whose values count from 0, as a graph gets it. */
function stored(layout: WeightLayout, ...shape: readonly number[]) {
  const weight = { name: "w", tensor: "w", shape, layout };
  const length = shape.reduce((product, side) => product * side, 1);
  const values = arrange(
    weight,
    Float32Array.from({ length }, (_, index) => index),
  );
  return { shape: storedShape(weight), values: [...values] };
}

describe("a weight is stored", () => {
  it("as published", () => {
    expect(stored("published", 2, 3)).toEqual({ shape: [2, 3], values: [0, 1, 2, 3, 4, 5] });
  });

  it("transposed, where all sides but the first are columns", () => {
    const turned = { shape: [4, 2], values: [0, 4, 1, 5, 2, 6, 3, 7] };
    expect(stored("transposed", 2, 4)).toEqual(turned);
    expect(stored("transposed", 2, 2, 2)).toEqual(turned);
  });

  it("transposed beyond the blocks in which it is copied", () => {
    const { shape, values } = stored("transposed", 70, 3);
    expect(shape).toEqual([3, 70]);
    expect(values.every((value, i) => value === (i % 70) * 3 + Math.floor(i / 70))).toBe(true);
  });

  it("transposed for each expert apart", () => {
    expect(stored("experts", 2, 2, 2)).toEqual({
      shape: [2, 2, 2],
      values: [0, 2, 1, 3, 4, 6, 5, 7],
    });
    expect(stored("experts", 1, 2, 3).shape).toEqual([1, 3, 2]);
  });

  it("with gate and up rows of each expert taking turns", () => {
    expect(stored("gated", 1, 4, 2)).toEqual({
      shape: [1, 4, 2],
      values: [0, 1, 4, 5, 2, 3, 6, 7],
    });
  });

  it("with both: columns become rows that take turns", () => {
    expect(stored("gated-experts", 1, 2, 4)).toEqual({
      shape: [1, 4, 2],
      values: [0, 4, 2, 6, 1, 5, 3, 7],
    });
  });
});
