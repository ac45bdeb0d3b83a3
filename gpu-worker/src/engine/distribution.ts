import { expOfNegative } from "./exp-of-negative.ts";
import { keepNucleus, totalOf } from "./nucleus.ts";
import { penalise } from "./penalties.ts";
import type { TokenHistory } from "./penalties.ts";
import { SamplingScratch } from "./sampling-scratch.ts";
import type { SamplingSettings } from "./sampling-settings.ts";
import { indexOfLargest, keepFrom, topScores } from "./top-scores.ts";

/** The tokens that may come next, ids ascending, and their probabilities, which sum to 1. */
export interface Distribution {
  ids: Int32Array;
  probabilities: Float64Array;
}

/** What penalties and sampling settings leave of the logits, shape [vocabulary], which stay as they are. */
export function distribution(
  logits: Float32Array,
  settings: SamplingSettings,
  history: TokenHistory,
): Distribution {
  const scratch = new SamplingScratch();
  scratch.fit(logits.length);
  scratch.scores.set(logits);
  penalise(scratch.scores, settings, history);
  const count = weighTokens(scratch.scores, settings, scratch);
  const total = totalOf(scratch.weights, count);
  return {
    ids: scratch.ids.slice(0, count),
    probabilities: scratch.weights.slice(0, count).map((weight) => weight / total),
  };
}

/**
 * Puts the tokens that may come next and their weights, probabilities up to a factor, into the scratch
 * arrays and returns how many they are; the scores, shape [vocabulary], stay as they are.
 *
 * In vLLM's order: temperature, min_p, top_k (ties with the last one kept stay), top_p.
 * A score of -Infinity forbids its token.
 *
 * @throws NoTokenError when all are forbidden, Error when a score is no number
 */
export function weighTokens(
  scores: Float32Array,
  settings: SamplingSettings,
  scratch: SamplingScratch,
): number {
  const { ids, weights } = scratch;
  if (settings.temperature === 0) {
    ids[0] = indexOfLargest(scores);
    weights[0] = 1;
    return 1;
  }
  const isBounded = settings.topK > 0 && settings.topK < scores.length;
  const count = isBounded
    ? weighTop(scores, settings, scratch)
    : weighAll(scores, settings, scratch);
  return settings.topP < 1 ? keepNucleus(scratch, count, settings.topP) : count;
}

/** What top_k leaves of what min_p leaves: both keep the scores from one on. */
function weighTop(
  scores: Float32Array,
  { temperature, topK, minP }: SamplingSettings,
  scratch: SamplingScratch,
): number {
  const { ids, weights } = scratch;
  let count = topScores(scores, topK, scratch);
  let largest = Number.NEGATIVE_INFINITY;
  for (let place = 0; place < count; place++) {
    largest = Math.max(largest, scores[ids[place] ?? 0] ?? 0);
  }
  if (minP > 0) {
    count = keepFrom(largest + temperature * Math.log(minP), scores, ids, count);
  }
  for (let place = 0; place < count; place++) {
    // Relative to the largest, exp neither overflows nor loses all.
    weights[place] = expOfNegative((largest - (scores[ids[place] ?? 0] ?? 0)) / temperature);
  }
  return count;
}

/** What min_p leaves, which is never -Infinity. */
function weighAll(
  scores: Float32Array,
  { temperature, minP }: SamplingSettings,
  scratch: SamplingScratch,
): number {
  const { ids, weights } = scratch;
  const largest = scores[indexOfLargest(scores)] ?? 0;
  if (minP === 0) {
    return weighAllowed(scores, largest, temperature, scratch);
  }
  const smallest = Math.max(largest + temperature * Math.log(minP), -Number.MAX_VALUE);
  let count = 0;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id] ?? 0;
    if (score >= smallest) {
      ids[count] = id;
      weights[count++] = expOfNegative((largest - score) / temperature);
    }
  }
  return count;
}

/** Each array in a loop of its own, and places counted only where a token is forbidden: twice as fast. */
function weighAllowed(
  scores: Float32Array,
  largest: number,
  temperature: number,
  { ids, weights }: SamplingScratch,
): number {
  let forbidden = 0;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id] ?? 0;
    forbidden += score === Number.NEGATIVE_INFINITY ? 1 : 0;
    weights[id] = expOfNegative((largest - score) / temperature);
  }
  for (let id = 0; id < scores.length; id++) {
    ids[id] = id;
  }
  if (forbidden === 0) {
    return scores.length;
  }
  let count = 0;
  for (let id = 0; id < scores.length; id++) {
    if (scores[id] !== Number.NEGATIVE_INFINITY) {
      ids[count] = id;
      weights[count++] = weights[id] ?? 0;
    }
  }
  return count;
}
