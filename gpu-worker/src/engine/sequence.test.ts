import { describe, expect, it } from "vitest";

import { isDecoding, modelRow, pendingTokens } from "./sequence.ts";
import type { Sequence } from "./sequence.ts";
import { sequenceOf } from "./test-sequences.ts";

/** Prompt 10 11 12 13 14 with pictures' tokens at 1, 2 and 4, of width 2; two tokens answered. */
function withPicture(cachedTokens: number): Sequence {
  const sequence = sequenceOf("s", [10, 11, 12, 13, 14]);
  const features = {
    embeddings: Float32Array.of(1, 1, 2, 2, 4, 4),
    deepstack: [Float32Array.of(-1, -1, -2, -2, -4, -4)],
  };
  return {
    ...sequence,
    prompt: {
      ...sequence.prompt,
      positions: Int32Array.of(0, 1, 1, 2, 3, 0, 1, 1, 2, 3, 0, 1, 2, 3, 4),
      ropeDelta: -1,
      vision: { places: Int32Array.of(1, 2, 4), features },
    },
    outputIds: [20, 21],
    cachedTokens,
  };
}

describe("a sequence", () => {
  it("decodes once its whole prompt is cached", () => {
    expect(isDecoding(withPicture(4))).toBe(false);
    expect(isDecoding(withPicture(5))).toBe(true);
    expect(pendingTokens(withPicture(4))).toBe(3);
  });
});

describe("modelRow", () => {
  it("cuts a chunk of the prompt with its positions on all three axes", () => {
    const { tokenIds, positions, cachedTokens, slot } = modelRow(withPicture(1), 7, 3);
    expect({ slot, cachedTokens }).toEqual({ slot: 7, cachedTokens: 1 });
    expect([...tokenIds]).toEqual([11, 12, 13]);
    expect([...positions]).toEqual([1, 1, 2, 1, 1, 2, 1, 2, 3]);
  });

  it("gives a chunk the features of its own vision tokens, placed from the chunk's begin", () => {
    const { vision } = modelRow(withPicture(2), 0, 3);
    expect([...(vision?.places ?? [])]).toEqual([0, 2]);
    expect([...(vision?.features.embeddings ?? [])]).toEqual([2, 2, 4, 4]);
    expect(vision?.features.deepstack).toEqual([Float32Array.of(-2, -2, -4, -4)]);
  });

  it("has no vision where the chunk has no vision token", () => {
    expect(modelRow(withPicture(3), 0, 1).vision).toBeUndefined();
    expect(modelRow(withPicture(5), 0, 1).vision).toBeUndefined();
  });

  it("counts the positions of answered tokens on from the prompt's last", () => {
    const { tokenIds, positions } = modelRow(withPicture(6), 0, 1);
    expect([...tokenIds]).toEqual([21]);
    expect([...positions]).toEqual([5, 5, 5]);
  });

  it("wants logits only after the last token there is", () => {
    const prompt = { ...withPicture(0), outputIds: [] };
    expect(modelRow(prompt, 0, 4).wantsLogits).toBe(false);
    expect(modelRow(prompt, 0, 5).wantsLogits).toBe(true);
  });
});
