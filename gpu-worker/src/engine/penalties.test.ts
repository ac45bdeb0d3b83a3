import { describe, expect, it } from "vitest";

import { TokenHistory, penalise, penalises } from "./penalties.ts";
import type { SamplingSettings } from "./sampling-settings.ts";

const neutral = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
};
const logits = Float32Array.of(2, -2, 4, 1);

function penalised(settings: SamplingSettings, history: TokenHistory): number[] {
  const changed = logits.slice();
  penalise(changed, settings, history);
  return [...changed];
}

describe("penalise", () => {
  it("changes nothing when no penalty applies, which is known before", () => {
    expect(penalises(neutral)).toBe(false);
    expect(penalises({ ...neutral, presencePenalty: -1 })).toBe(true);
    expect(penalised(neutral, new TokenHistory([0], [1]))).toEqual([...logits]);
  });

  it("divides positive and multiplies negative logits of prompt and answer once", () => {
    const history = new TokenHistory([0, 0], [1, 1]);
    expect(penalised({ ...neutral, repetitionPenalty: 2 }, history)).toEqual([1, -4, 4, 1]);
  });

  it("takes presence once and frequency as often as a token occurs in the answer", () => {
    const settings = { ...neutral, presencePenalty: 0.5, frequencyPenalty: 0.25 };
    expect(penalised(settings, new TokenHistory([0], [2, 2, 3]))).toEqual([2, -2, 3, 0.25]);
  });

  it("ignores tokens beyond the vocabulary", () => {
    const settings = { ...neutral, repetitionPenalty: 2, presencePenalty: 1 };
    expect(penalised(settings, new TokenHistory([99], [98]))).toEqual([...logits]);
  });
});
