import { describe, expect, it } from "vitest";

import type { TokenConstraint } from "./logits-rule.ts";
import { Sampler } from "./sampler.ts";
import { SamplingScratch } from "./sampling-scratch.ts";
import type { SamplingSettings } from "./sampling-settings.ts";
import { AllowedTokens, LogitBias, MinTokens } from "./token-rules.ts";

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

  it("gives each answer that shares a seed numbers of its own, the first those of the seed alone", () => {
    const choices = [0, 1, 2].map((choice) => take(50, new Sampler(settings, [], [], { choice })));
    expect(choices[0]).toEqual(take(50, new Sampler(settings, [])));
    expect(new Set(choices.map(String)).size).toBe(3);
    expect(take(50, new Sampler(settings, [], [], { choice: 2 }))).toEqual(choices[2]);
  });

  it("gives the same tokens with arrays that it shares and with its own", () => {
    const scratch = new SamplingScratch();
    const varied = { ...settings, topK: 2, topP: 0.9, presencePenalty: 0.3 };
    const [one, other] = [varied, { ...varied, seed: 1 }].map(
      (each) => new Sampler(each, [], [], { scratch, topLogprobs: 2 }),
    );
    const shared = Array.from({ length: 50 }, () => {
      other?.sample(Float32Array.of(3, 2, 1));
      return one?.sample(logits);
    });
    expect(shared).toEqual(take(50, new Sampler(varied, [])));
  });

  it("tells the model's own log-probabilities, whatever rules, penalties and temperature do", () => {
    const changed = { ...settings, temperature: 0, presencePenalty: 2, repetitionPenalty: 3 };
    const rules = [new LogitBias([[0, 50]])];
    const sampler = new Sampler(changed, [2], rules, { topLogprobs: 2 });
    expect(sampler.sample(logits)).toBe(0);
    const total = Math.log(1 + Math.E + Math.exp(2));
    expect(sampler.logprobs).toEqual({
      tokenId: 0,
      logprob: expect.closeTo(0 - total, 12),
      top: [
        { tokenId: 2, logprob: expect.closeTo(2 - total, 12) },
        { tokenId: 1, logprob: expect.closeTo(1 - total, 12) },
      ],
    });
    expect([...logits]).toEqual([0, 1, 2]);
  });

  it("tells them after a grammar's mask", () => {
    const grammar: TokenConstraint = {
      apply: (masked) => masked.fill(Number.NEGATIVE_INFINITY, 2),
      isReady: true,
      ready: () => Promise.resolve(),
      accept: () => undefined,
      [Symbol.dispose]: () => undefined,
    };
    const sampler = new Sampler(settings, [], [grammar], { topLogprobs: 3 });
    sampler.sample(logits);
    const total = Math.log(1 + Math.E);
    expect(sampler.logprobs?.top).toEqual([
      { tokenId: 1, logprob: expect.closeTo(1 - total, 12) },
      { tokenId: 0, logprob: expect.closeTo(0 - total, 12) },
    ]);
  });

  it("applies penalties to what the rules left", () => {
    const greedy = { ...settings, temperature: 0, repetitionPenalty: 4 };
    // 2 + 6 = 8, divided by 4, is less than 1 + 2; penalised first, 2 / 4 + 6 would be more.
    const rules = [
      new LogitBias([
        [2, 6],
        [1, 2],
      ]),
    ];
    expect(new Sampler(greedy, [2], rules).sample(logits)).toBe(1);
  });

  it("tells the client where a request's own rules leave nothing", () => {
    const rules = [new AllowedTokens([1]), new MinTokens(2, [1])];
    expect(() => new Sampler(settings, [], rules).sample(logits)).toThrow(
      expect.objectContaining({ code: "invalid_request", param: "allowed_token_ids" }),
    );
  });
});
