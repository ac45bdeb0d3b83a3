import { describe, expect, it } from "vitest";

import { Sampler } from "./sampler.ts";
import type { SamplingSettings } from "./sampling-settings.ts";

const settings: SamplingSettings = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  seed: 42,
};
const logits = Float32Array.of(0, 1, 2);

function take(count: number, sampler: Sampler): number[] {
  return Array.from({ length: count }, () => sampler.sample(logits));
}

describe("Sampler", () => {
  it("gives the same answer for the same seed, whatever other samplers do", () => {
    const alone = take(50, new Sampler(settings, []));
    const [one, other] = [new Sampler(settings, []), new Sampler({ ...settings, seed: 1 }, [])];
    const interleaved = Array.from({ length: 50 }, () => {
      other.sample(logits);
      return one.sample(logits);
    });
    expect(interleaved).toEqual(alone);
    expect(take(50, other)).not.toEqual(alone);
  });

  it("draws tokens as often as they are probable", () => {
    const drawn = take(20_000, new Sampler(settings, []));
    const share = drawn.filter((id) => id === 2).length / drawn.length;
    const probability = Math.exp(2) / (1 + Math.E + Math.exp(2));
    expect(Math.abs(share - probability)).toBeLessThan(0.015); // 4 standard deviations
  });

  it("remembers the answer for the penalties", () => {
    const greedy = { ...settings, temperature: 0, presencePenalty: 1.5 };
    expect(take(3, new Sampler(greedy, []))).toEqual([2, 1, 2]);
  });
});
