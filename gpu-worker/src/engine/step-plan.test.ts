import { describe, expect, it } from "vitest";

import type { Sequence } from "./sequence.ts";
import { planStep } from "./step-plan.ts";
import { sequenceOf } from "./test-sequences.ts";

const limits = { prefillChunk: 4, lonePrefillChunk: 6 };

function unread(id: string, length: number): Sequence {
  return sequenceOf(id, Array<number>(length).fill(0));
}

function decoding(id: string): Sequence {
  return { ...unread(id, 3), outputIds: [0], cachedTokens: 3 };
}

function plan(...running: readonly Sequence[]) {
  return planStep(running, limits).map(({ sequence, tokenCount }) => [sequence.id, tokenCount]);
}

describe("planStep", () => {
  it("decodes all that answer and reads one chunk of a prompt beside them", () => {
    expect(plan(decoding("a"), unread("c", 9), decoding("b"))).toEqual([
      ["a", 1],
      ["b", 1],
      ["c", 4],
    ]);
  });

  it("reads one prompt at a time, the oldest first", () => {
    const half = { ...unread("a", 9), cachedTokens: 4 };
    expect(plan(half, unread("b", 2), decoding("c"))).toEqual([
      ["c", 1],
      ["a", 3],
    ]);
  });

  it("reads the rest of a prompt that is shorter than a chunk", () => {
    expect(plan({ ...unread("a", 9), cachedTokens: 8 })).toEqual([["a", 1]]);
  });

  it("reads more at once while no answer would stall", () => {
    expect(plan(unread("a", 20))).toEqual([["a", 6]]);
  });

  it("never leaves a single token of a prompt for the next step", () => {
    expect(plan(unread("a", 7))).toEqual([["a", 5]]);
    expect(plan(decoding("b"), unread("a", 5))).toEqual([
      ["b", 1],
      ["a", 3],
    ]);
  });

  it("brings the answer of one that gave way back token by token, as it was made", () => {
    const back = { ...unread("a", 9), outputIds: [1, 2, 3], cachedTokens: 9 };
    expect(plan(back)).toEqual([["a", 1]]);
  });

  it("runs nothing of those that are parked, and reads no more at once for that", () => {
    const parked = { ...decoding("a"), cachedTokens: 4, parkedLogits: new Float32Array() };
    expect(plan(parked)).toEqual([]);
    expect(plan(parked, decoding("b"))).toEqual([["b", 1]]);
    expect(plan(parked, unread("c", 9))).toEqual([["c", 4]]);
  });

  it("plans nothing when nothing runs", () => {
    expect(plan()).toEqual([]);
  });
});
