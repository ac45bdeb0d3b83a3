import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { EngineGenerator } from "../../gpu-worker/src/engine/generator.ts";
import type { TokenLogprobs } from "../../gpu-worker/src/engine/logprobs.ts";
import type { Model } from "../../gpu-worker/src/engine/model.ts";
import { Sampler } from "../../gpu-worker/src/engine/sampler.ts";
import { GREEDY, answerOptions, eventsOf } from "../../gpu-worker/src/engine/test-sequences.ts";
import type { OnnxModel } from "../../gpu-worker/src/runtime/onnx-model.ts";
import { openDenseModel, tokensOf } from "../support/dense-model.ts";

let model: OnnxModel;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ model, close } = await openDenseModel());
});
afterAll(() => close());

const PROMPT = tokensOf(20, 1);
const TOKENS = 12;

/** Of the tokens of one answer at temperature 1, with the logits that the model gave for each. */
async function toldWithLogits(topLogprobs: number) {
  const logits: Float32Array[] = [];
  const observed: Model = {
    slots: model.slots,
    slotCapacity: model.slotCapacity,
    tokenBudget: model.tokenBudget,
    encode: (medium) => model.encode(medium),
    copyPrefix: (from, to, tokens) => model.copyPrefix(from, to, tokens),
    clearSlot: (slot) => model.clearSlot(slot),
    forward: async (rows) => {
      const results = await model.forward(rows);
      logits.push(...results.flatMap((row) => (row === undefined ? [] : [row.slice()])));
      return results;
    },
  };
  const settings = { ...GREEDY, temperature: 1, seed: 5 };
  const sampler = new Sampler(settings, PROMPT, [], { topLogprobs });
  const events = new EngineGenerator(observed).generate(
    {
      id: "told",
      tenant: "",
      priority: "interactive",
      prompt: {
        tokenIds: Int32Array.from(PROMPT),
        positions: Int32Array.from({ length: 60 }, (_, index) => index % 20),
        ropeDelta: 0,
      },
      media: [],
      visionPlaces: new Int32Array(),
      choices: [answerOptions({ sampler, maxTokens: TOKENS })],
    },
    new AbortController().signal,
  );
  const told = (await eventsOf(events)).flatMap(({ logprobs = [] }) => logprobs);
  return { told, logits };
}

/** By the definition, in double precision. */
function softmax(logits: Float32Array): number[] {
  const weights = Array.from(logits, (logit) => Math.exp(logit));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

describe("log-probabilities over the real model", () => {
  it("are the logarithms of the softmax of its logits, for the chosen token and the best", async () => {
    const { told, logits } = await toldWithLogits(5);
    expect([told.length, logits.length]).toEqual([TOKENS, TOKENS]);
    for (const [place, row] of logits.entries()) {
      const probabilities = softmax(row);
      const { tokenId, logprob, top } = told[place] ?? NONE;
      expect(Math.exp(logprob)).toBeCloseTo(probabilities[tokenId] ?? -1, 10);
      const best = probabilities.toSorted((a, b) => b - a).slice(0, 5);
      expect(top.map((other) => probabilities[other.tokenId])).toEqual(best);
      for (const other of top) {
        expect(Math.exp(other.logprob)).toBeCloseTo(probabilities[other.tokenId] ?? -1, 10);
      }
    }
  });
});

const NONE: TokenLogprobs = { tokenId: -1, logprob: Number.NaN, top: [] };
