import { describe, expect, it } from "vitest";

import type { LogitsRule } from "./logits-rule.ts";
import { AllowedTokens, BadWords, LogitBias, MinTokens } from "./token-rules.ts";

const NO = Number.NEGATIVE_INFINITY;

function ruled(rule: LogitsRule, outputIds: readonly number[] = []): number[] {
  const logits = Float32Array.of(1, 2, 3, 4);
  rule.apply(logits, outputIds);
  return [...logits];
}

describe("AllowedTokens", () => {
  it("forbids all others, however often it is applied and a token named", () => {
    const rule = new AllowedTokens([3, 1, 3]);
    expect([ruled(rule), ruled(rule)]).toEqual([
      [NO, 2, NO, 4],
      [NO, 2, NO, 4],
    ]);
  });
});

describe("BadWords", () => {
  it("forbids a word of one token always", () => {
    expect(ruled(new BadWords([[2]]))).toEqual([1, 2, NO, 4]);
  });

  it("forbids the last token of a word only after all the others", () => {
    const rule = new BadWords([[0, 1, 2]]);
    for (const outputIds of [[], [0], [1], [0, 1, 1], [1, 0]]) {
      expect(ruled(rule, outputIds)).toEqual([1, 2, 3, 4]);
    }
    expect(ruled(rule, [3, 0, 1])).toEqual([1, 2, NO, 4]);
  });

  it("passes over tokens that the logits do not have", () => {
    expect(ruled(new BadWords([[9]]))).toEqual([1, 2, 3, 4]);
  });
});

describe("MinTokens", () => {
  it("forbids end tokens until the answer has so many", () => {
    const rule = new MinTokens(2, [1, 9]);
    expect(ruled(rule, [])).toEqual([1, NO, 3, 4]);
    expect(ruled(rule, [0])).toEqual([1, NO, 3, 4]);
    expect(ruled(rule, [0, 0])).toEqual([1, 2, 3, 4]);
  });
});

describe("LogitBias", () => {
  it("is added, and gives a forbidden token no chance", () => {
    const logits = Float32Array.of(NO, 1, 2);
    new LogitBias([
      [0, 100],
      [2, -1.5],
    ]).apply(logits);
    expect([...logits]).toEqual([NO, 1, 0.5]);
  });
});
