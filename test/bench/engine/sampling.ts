import type { LogitsRule } from "../../../gpu-worker/src/engine/logits-rule.ts";
import { rawLogprobs } from "../../../gpu-worker/src/engine/logprobs.ts";
import { seededRandom } from "../../../gpu-worker/src/engine/random.ts";
import { Sampler } from "../../../gpu-worker/src/engine/sampler.ts";
import { SamplingScratch } from "../../../gpu-worker/src/engine/sampling-scratch.ts";
import type { SamplingSettings } from "../../../gpu-worker/src/engine/sampling-settings.ts";
import { AllowedTokens, LogitBias } from "../../../gpu-worker/src/engine/token-rules.ts";
import { IncrementalDetokenizer } from "../../../gpu-worker/src/prompt/detokenizer.ts";
import { shapesTokenizer } from "../../../gpu-worker/src/prompt/test-checkpoint.ts";
import { median, printTable } from "../table.ts";

/** Of the published checkpoints. */
const VOCABULARY = 151_936;
const ROUNDS = 200;

/** What one step of the 2B model takes on this kind of machine, of which sampling should be 1 %. */
const STEP_US = 45_000;

const NEUTRAL: SamplingSettings = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  seed: 1,
};
const QWEN = { ...NEUTRAL, temperature: 0.7, topK: 20, topP: 0.8 };

/** Microseconds to choose one token over the published vocabulary, and to make it text. */
export function sampling(): Promise<void> {
  const logits = likeLogits();
  const scratch = new SamplingScratch();
  const prompt = Array.from({ length: 4000 }, (_, index) => (index * 37) % VOCABULARY);
  const sampler = (settings: SamplingSettings, rules: readonly LogitsRule[] = []) =>
    new Sampler(settings, prompt, rules, { scratch });
  const samplers: Record<string, Sampler> = {
    "greedy (argmax)": sampler({ ...NEUTRAL, temperature: 0 }),
    "top_k 20, top_p 0.8 (Instruct's)": sampler(QWEN),
    "the same, presence_penalty 1.5": sampler({ ...QWEN, presencePenalty: 1.5 }),
    "the same, repetition_penalty 1.05 of 4,000 tokens": sampler({
      ...QWEN,
      repetitionPenalty: 1.05,
    }),
    "the same, 300 logit_bias": sampler(QWEN, [
      new LogitBias(prompt.slice(0, 300).map((id) => [id, -1])),
    ]),
    "the same, 4,000 allowed_token_ids": sampler(QWEN, [new AllowedTokens(prompt)]),
    "min_p 0.05": sampler({ ...NEUTRAL, minP: 0.05 }),
    "temperature 1, all tokens": sampler(NEUTRAL),
    "temperature 1, top_p 0.95": sampler({ ...NEUTRAL, topP: 0.95 }),
  };
  const rows = Object.entries(samplers).map(([name, each]) => row(name, () => each.sample(logits)));
  printTable([
    ["", "µs", "% of a step"],
    ...rows,
    row("logprobs beside it", () => rawLogprobs(logits, 0, scratch)),
    row("top_logprobs 20 beside it", () => rawLogprobs(logits, 20, scratch)),
    row("text of a token", nextText()),
  ]);
  return Promise.resolve();
}

/** Roughly the spread of a real model's: most far below the best, a tail of candidates. */
function likeLogits(): Float32Array {
  const random = seededRandom(7);
  const noise = () => random() + random() + random() + random() - 2;
  return Float32Array.from({ length: VOCABULARY }, () => noise() * 6);
}

function nextText(): () => string {
  const decoder = new IncrementalDetokenizer(shapesTokenizer());
  let tokenId = 0;
  return () => decoder.push((tokenId += 7) % 1500);
}

function row(name: string, work: () => unknown): [string, string, string] {
  const times = Array.from({ length: ROUNDS }, () => {
    const start = performance.now();
    work();
    return 1000 * (performance.now() - start);
  });
  const us = median(times);
  return [name, us.toFixed(1), ((100 * us) / STEP_US).toFixed(2)];
}
