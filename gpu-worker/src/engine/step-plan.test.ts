import { describe, expect, it } from "vitest";

import type { Sequence } from "./sequence.ts";
import { planStep } from "./step-plan.ts";
import { sequenceOf } from "./test-sequences.ts";

const limits = { prefillChunk: 4 };

function waiting(id: string, length: number): Sequence {
  return sequenceOf(id, Array<number>(length).fill(0));
}

function decoding(id: string): Sequence {
  return { ...waiting(id, 3), outputIds: [0], cachedTokens: 3 };
}

function plan(running: readonly Sequence[], queue: readonly Sequence[], freeSlots: number) {
  const { admitted, rows } = planStep(running, queue, freeSlots, limits);
  return {
    admitted: admitted.map(({ id }) => id),
    rows: rows.map(({ sequence, tokenCount }) => [sequence.id, tokenCount]),
  };
}

describe("planStep", () => {
  it("decodes all that answer and reads one chunk of a prompt beside them", () => {
    expect(plan([decoding("a"), decoding("b")], [waiting("c", 9)], 6)).toEqual({
      admitted: ["c"],
      rows: [
        ["a", 1],
        ["b", 1],
        ["c", 4],
      ],
    });
  });

  it("reads one prompt at a time, the oldest first", () => {
    const half = { ...waiting("a", 9), cachedTokens: 4 };
    expect(plan([half, waiting("b", 2)], [waiting("c", 2)], 6).rows).toEqual([["a", 4]]);
  });

  it("reads the rest of a prompt that is shorter than a chunk", () => {
    expect(plan([{ ...waiting("a", 9), cachedTokens: 8 }], [], 7).rows).toEqual([["a", 1]]);
  });

  it("admits in order of arrival, as many as there are slots", () => {
    const queue = [waiting("a", 2), waiting("b", 2), waiting("c", 2)];
    expect(plan([], queue, 2)).toEqual({ admitted: ["a", "b"], rows: [["a", 2]] });
    expect(plan([decoding("x")], queue, 0)).toEqual({ admitted: [], rows: [["x", 1]] });
  });

  it("plans nothing when there is nothing", () => {
    expect(plan([], [], 8)).toEqual({ admitted: [], rows: [] });
  });
});
