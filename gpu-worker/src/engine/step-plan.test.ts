import { describe, expect, it } from "vitest";

import type { Sequence } from "./sequence.ts";
import { planStep } from "./step-plan.ts";
import { sequenceOf } from "./test-sequences.ts";

const limits = { prefillChunk: 4 };

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
    expect(plan(half, unread("b", 2))).toEqual([["a", 4]]);
  });

  it("reads the rest of a prompt that is shorter than a chunk", () => {
    expect(plan({ ...unread("a", 9), cachedTokens: 8 })).toEqual([["a", 1]]);
  });

  it("plans nothing when nothing runs", () => {
    expect(plan()).toEqual([]);
  });
});
