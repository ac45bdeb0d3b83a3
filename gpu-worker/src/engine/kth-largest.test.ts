import { describe, expect, it } from "vitest";

import { kthLargest } from "./kth-largest.ts";
import { seededRandom } from "./random.ts";

describe("kthLargest", () => {
  it("equals the k-th of the sorted values, ties included, and leaves the values alone", () => {
    const random = seededRandom(1);
    const values = Float32Array.from({ length: 300 }, () => Math.floor(random() * 100));
    const before = values.slice();
    const descending = values.toSorted().toReversed();
    for (const k of [1, 2, 3, 20, 299, 300]) {
      expect(kthLargest(values, k)).toBe(descending[k - 1]);
    }
    expect(values).toEqual(before);
  });
});
