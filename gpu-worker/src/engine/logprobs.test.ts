import { describe, expect, it } from "vitest";

import { rawLogprobs } from "./logprobs.ts";
import { seededRandom } from "./random.ts";
import { SamplingScratch } from "./sampling-scratch.ts";

function told(logits: Float32Array, count: number) {
  const scratch = new SamplingScratch();
  scratch.fit(logits.length);
  return rawLogprobs(logits, count, scratch);
}

describe("rawLogprobs", () => {
  it("equals a log-softmax and a full sort", () => {
    const random = seededRandom(3);
    const logits = Float32Array.from({ length: 5000 }, () => 40 * random() - 20);
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    const order = [...logits.keys()].toSorted((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0));
    const { logTotal, top } = told(logits, 20);
    expect(logTotal).toBeCloseTo(Math.log(total), 10);
    expect(top.map(({ tokenId }) => tokenId)).toEqual(order.slice(0, 20));
    for (const { tokenId, logprob } of top) {
      expect(logprob).toBeCloseTo((logits[tokenId] ?? 0) - Math.log(total), 10);
    }
  });

  it("tells the first of equal tokens, no forbidden one, and none where none is asked for", () => {
    const { NEGATIVE_INFINITY } = Number;
    const logits = Float32Array.of(1, 1, NEGATIVE_INFINITY, 1);
    expect(told(logits, 2).top.map(({ tokenId }) => tokenId)).toEqual([0, 1]);
    expect(told(logits, 20).top.map(({ tokenId }) => tokenId)).toEqual([0, 1, 3]);
    expect(told(logits, 0)).toEqual({ logTotal: expect.closeTo(1 + Math.log(3), 12), top: [] });
  });
});
