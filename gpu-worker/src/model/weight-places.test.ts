import { describe, expect, it } from "vitest";

import type { GraphWeight } from "./graph-weight.ts";
import { placeWeights, slicesOf } from "./weight-places.ts";

const float32 = { kind: "float32" } as const;

function weightOf(shape: readonly number[], format: GraphWeight["format"] = float32): GraphWeight {
  return { tensor: "w", shape, layout: "published", format };
}

describe("placeWeights", () => {
  it("begins each stored tensor with a page, scales behind their quants", () => {
    const blocks = { kind: "blocks", bits: 4, size: 32 } as const;
    const [first, second] = placeWeights([weightOf([3, 1024]), weightOf([600, 64], blocks)]);
    expect(first?.stored).toMatchObject([{ offset: 0, length: 12_288 }]);
    expect(second?.stored).toMatchObject([
      { offset: 12_288, length: 19_200, type: "uint8" },
      { offset: 32_768, length: 4800, type: "float32" },
    ]);
  });
});

describe("slicesOf", () => {
  it("takes small tensors whole", () => {
    expect(slicesOf(weightOf([2048, 2048]))).toEqual([{ first: 0, count: 2048 }]);
    expect(slicesOf(weightOf([5]))).toEqual([{ first: 0, count: 5 }]);
  });

  it("cuts large ones into rows that begin with a block of scales", () => {
    const slices = slicesOf(weightOf([151_936, 2048]));
    expect(slices).toHaveLength(38);
    expect(slices.every(({ first }) => first % 128 === 0)).toBe(true);
    expect(slices.reduce((sum, { count }) => sum + count, 0)).toBe(151_936);
    expect(slices.at(-1)).toEqual({ first: 151_552, count: 384 });
  });

  it("cuts experts between experts, however large one is", () => {
    expect(slicesOf(weightOf([3, 2048, 1536]))).toEqual([
      { first: 0, count: 2 },
      { first: 2, count: 1 },
    ]);
    expect(slicesOf(weightOf([2, 8192, 8192]))).toHaveLength(2);
  });
});
