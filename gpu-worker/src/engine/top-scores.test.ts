import { describe, expect, it } from "vitest";

import { seededRandom } from "./random.ts";
import { SamplingScratch } from "./sampling-scratch.ts";
import { indexOfLargest, topScores } from "./top-scores.ts";

const { NEGATIVE_INFINITY } = Number;

function top(values: Float32Array, k: number): number[] {
  const scratch = new SamplingScratch();
  scratch.fit(values.length);
  return [...scratch.ids.subarray(0, topScores(values, k, scratch))];
}

describe("topScores", () => {
  it("equals the places of the k first of the sorted values, ties included, and leaves the values alone", () => {
    const random = seededRandom(1);
    const values = Float32Array.from({ length: 300 }, () => Math.floor(random() * 100));
    const before = values.slice();
    const descending = values.toSorted().toReversed();
    for (const k of [1, 2, 3, 20, 299, 300]) {
      const smallest = descending[k - 1] ?? 0;
      const expected = [...values.keys()].filter((id) => (values[id] ?? 0) >= smallest);
      expect(top(values, k)).toEqual(expected);
    }
    expect(values).toEqual(before);
  });

  it("takes no forbidden token, however few are left", () => {
    const values = Float32Array.of(NEGATIVE_INFINITY, 3, NEGATIVE_INFINITY, 1);
    expect(top(values, 3)).toEqual([1, 3]);
    expect(() => top(Float32Array.of(NEGATIVE_INFINITY), 1)).toThrow("none of 1 logits");
  });

  it("refuses what is no number, wherever it stands", () => {
    expect(() => top(Float32Array.of(5, 4, Number.NaN), 1)).toThrow("logit 2 is NaN");
    expect(() => top(Float32Array.of(5, Number.POSITIVE_INFINITY), 1)).toThrow("logit 1");
  });
});

describe("indexOfLargest", () => {
  it("is the first of the largest", () => {
    expect(indexOfLargest(Float32Array.of(NEGATIVE_INFINITY, 1, 7, 7))).toBe(2);
  });
});
