import { describe, expect, it } from "vitest";

import { distribution } from "./distribution.ts";
import { TokenHistory } from "./penalties.ts";
import type { SamplingSettings } from "./sampling-settings.ts";

const neutral: SamplingSettings = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
};
const logits = Float32Array.of(0, 1, 2, 3, -1);

function left(settings: Partial<SamplingSettings>, history = new TokenHistory([])) {
  return distribution(logits, { ...neutral, ...settings }, history);
}

/** Penalties are seen best in the score that greedy decoding no longer prefers. */
function best(settings: Partial<SamplingSettings>, prompt: number[], output: number[]): number[] {
  return [...left({ ...settings, temperature: 0 }, new TokenHistory(prompt, output)).ids];
}

/** Made when called, for `toThrow`. */
const refused =
  (...values: number[]) =>
  () =>
    distribution(Float32Array.from(values), neutral, new TokenHistory([]));

describe("distribution", () => {
  it("is a softmax under neutral settings", () => {
    const { ids, probabilities } = left({});
    expect([...ids]).toEqual([0, 1, 2, 3, 4]);
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    expect(probabilities[3]).toBeCloseTo(Math.exp(3) / total, 12);
    expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
  });

  it("keeps the k best, the fewest that reach top_p, those above min_p of the best", () => {
    expect([...left({ topK: 2 }).ids]).toEqual([2, 3]);
    expect([...left({ topP: 0.8 }).ids]).toEqual([2, 3]);
    expect([...left({ minP: 0.1 }).ids]).toEqual([1, 2, 3]);
  });

  it("applies top_p to what top_k left", () => {
    expect([...left({ topK: 2, topP: 0.7 }).ids]).toEqual([3]);
  });

  it("keeps ties with the last of the k best, as vLLM does", () => {
    const tied = distribution(
      Float32Array.of(1, 1, 1, 0),
      { ...neutral, topK: 1 },
      new TokenHistory([]),
    );
    expect([...tied.ids]).toEqual([0, 1, 2]);
  });

  it("is certain of the first of the best tokens at temperature 0", () => {
    expect(left({ temperature: 0 })).toEqual({
      ids: Int32Array.of(3),
      probabilities: Float64Array.of(1),
    });
  });

  it("survives temperatures near 0", () => {
    expect(left({ temperature: 1e-300, topP: 0.9 })).toEqual({
      ids: Int32Array.of(3),
      probabilities: Float64Array.of(1),
    });
  });

  it("penalises repetition in prompt and answer, presence and frequency in the answer only", () => {
    expect(best({ repetitionPenalty: 2 }, [3], [])).toEqual([2]);
    expect(best({ repetitionPenalty: 2 }, [], [3])).toEqual([2]);
    expect(best({ presencePenalty: 1.5 }, [3], [])).toEqual([3]);
    expect(best({ presencePenalty: 1.5 }, [], [3])).toEqual([2]);
    expect(best({ frequencyPenalty: 0.6 }, [], [3])).toEqual([3]);
    expect(best({ frequencyPenalty: 0.6 }, [], [3, 3])).toEqual([2]);
  });

  it("never gives a forbidden token a chance and leaves the logits alone", () => {
    const forbidding = Float32Array.of(Number.NEGATIVE_INFINITY, 1);
    const settings = { ...neutral, repetitionPenalty: 1.2 };
    expect([...distribution(forbidding, settings, new TokenHistory([0, 1])).ids]).toEqual([1]);
    expect([...forbidding]).toEqual([Number.NEGATIVE_INFINITY, 1]);
  });

  it("refuses logits that are no numbers or forbid everything", () => {
    expect(refused(0, Number.NaN)).toThrow("logit 1 is NaN, expected a finite number");
    expect(refused(Number.POSITIVE_INFINITY)).toThrow("logit 0 is Infinity");
    expect(refused(Number.NEGATIVE_INFINITY)).toThrow("none of 1 logits");
  });
});
