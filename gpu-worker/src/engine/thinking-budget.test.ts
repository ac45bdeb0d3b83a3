import { describe, expect, it } from "vitest";

import { Sampler } from "./sampler.ts";
import { GREEDY, oneHot } from "./test-sequences.ts";
import { ThinkingBudget } from "./thinking-budget.ts";
import { Thought } from "./thought.ts";

const OPEN = 24;
const CLOSE = 25;
const ENDING = [10, 11, CLOSE];

/** The tokens of an answer whose model wants these. */
function answer(wanted: readonly number[], budget: number, isOpen = true): number[] {
  const thought = new Thought({ open: OPEN, close: CLOSE }, isOpen);
  const sampler = new Sampler(GREEDY, [], [new ThinkingBudget(budget, thought, ENDING)]);
  return wanted.map((tokenId) => sampler.sample(oneHot(tokenId)));
}

describe("ThinkingBudget", () => {
  it("ends the thought by force after as many tokens, and leaves the answer alone", () => {
    expect(answer([1, 2, 3, 4, 5, 6, 7], 2)).toEqual([1, 2, ...ENDING, 6, 7]);
  });

  it("does nothing to a thought that ends in time", () => {
    expect(answer([1, CLOSE, 3, 4], 2)).toEqual([1, CLOSE, 3, 4]);
  });

  it("of 0 lets no token be thought", () => {
    expect(answer([1, 2, 3, 4], 0)).toEqual([...ENDING, 4]);
  });

  it("counts from where the model opens its thought", () => {
    expect(answer([OPEN, 1, 2, 3, 4, 5], 1, false)).toEqual([OPEN, 1, ...ENDING, 5]);
  });

  it("does nothing to an answer without a thought", () => {
    expect(answer([1, OPEN, 2, 3], 0, false)).toEqual([1, OPEN, 2, 3]);
  });
});
