import { describe, expect, it } from "vitest";

import { arrange, arrangedShape } from "./weight-layout.ts";
import type { WeightLayout } from "./weight-layout.ts";

/** A weight whose values count from 0, as a graph gets it. */
function stored(layout: WeightLayout, ...shape: readonly number[]) {
  const length = shape.reduce((product, side) => product * side, 1);
  const values = Float32Array.from({ length }, (_, index) => index);
  return {
    shape: arrangedShape(layout, shape),
    values: [...arrange(layout, values, shape)],
  };
}

describe("a weight is stored", () => {
  it("as published", () => {
    expect(stored("published", 2, 3)).toEqual({ shape: [2, 3], values: [0, 1, 2, 3, 4, 5] });
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
