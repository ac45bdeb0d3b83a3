import { kthLargest } from "./kth-largest.ts";
import { nucleus } from "./nucleus.ts";
import { penalised } from "./penalties.ts";
import type { TokenHistory } from "./penalties.ts";
import type { SamplingSettings } from "./sampling-settings.ts";

/** The tokens that may come next, ids ascending, and their probabilities, which sum to 1. */
export interface Distribution {
  ids: Int32Array;
  probabilities: Float64Array;
}

/**
 * What sampling settings leave of the logits, shape [vocabulary], which stay as they are.
 *
 * In vLLM's order: penalties, temperature, min_p, top_k (ties with the last one kept stay), top_p.
 * A logit of -Infinity forbids its token.
 */
export function distribution(
  logits: Float32Array,
  settings: SamplingSettings,
  history: TokenHistory,
): Distribution {
  const scores = penalised(logits, settings, history);
  const best = indexOfLargest(scores);
  if (settings.temperature === 0) {
    return { ids: Int32Array.of(best), probabilities: Float64Array.of(1) };
  }
  const candidates = idsFrom(scores, smallestKept(scores, best, settings));
  const weights = weightsOf(candidates, scores, { best, temperature: settings.temperature });
  return settings.topP < 1
    ? pick(candidates, weights, nucleus(weights, settings.topP))
    : { ids: candidates, probabilities: normalised(weights) };
}

/** The first of the largest logits. Throws when a logit is no number or none is allowed. */
function indexOfLargest(logits: Float32Array): number {
  let best = -1;
  let largest = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? Number.NaN;
    if (!(logit < Number.POSITIVE_INFINITY)) {
      throw new Error(`logit ${id} is ${logit}, expected a finite number`);
    }
    if (logit > largest) {
      largest = logit;
      best = id;
    }
  }
  if (best < 0) {
    throw new Error(`none of ${logits.length} logits is above -Infinity`);
  }
  return best;
}

/** min_p and top_k each keep the scores from one on; so do both, from the larger. Never -Infinity. */
function smallestKept(
  scores: Float32Array,
  best: number,
  { temperature, topK, minP }: SamplingSettings,
): number {
  const byMinP = (scores[best] ?? 0) + temperature * Math.log(minP);
  const byTopK = topK > 0 && topK < scores.length ? kthLargest(scores, topK) : byMinP;
  return Math.max(byMinP, byTopK, -Number.MAX_VALUE);
}

function idsFrom(scores: Float32Array, smallest: number): Int32Array {
  const ids = new Int32Array(scores.length);
  let count = 0;
  for (let id = 0; id < scores.length; id++) {
    if ((scores[id] ?? 0) >= smallest) {
      ids[count++] = id;
    }
  }
  return ids.slice(0, count);
}

/** Probabilities up to a factor: relative to the best, exp neither overflows nor loses all. */
function weightsOf(
  ids: Int32Array,
  scores: Float32Array,
  { best, temperature }: { best: number; temperature: number },
): Float64Array {
  const largest = scores[best] ?? 0;
  const weights = new Float64Array(ids.length);
  for (let place = 0; place < ids.length; place++) {
    weights[place] = Math.exp(((scores[ids[place] ?? 0] ?? 0) - largest) / temperature);
  }
  return weights;
}

function pick(ids: Int32Array, weights: Float64Array, places: Int32Array): Distribution {
  const picked = new Float64Array(places.length);
  for (let index = 0; index < places.length; index++) {
    picked[index] = weights[places[index] ?? 0] ?? 0;
  }
  return { ids: places.map((place) => ids[place] ?? 0), probabilities: normalised(picked) };
}

/** In place; loops, because callbacks double the time over 151,936 weights. */
function normalised(weights: Float64Array): Float64Array {
  let total = 0;
  for (let place = 0; place < weights.length; place++) {
    total += weights[place] ?? 0;
  }
  for (let place = 0; place < weights.length; place++) {
    weights[place] = (weights[place] ?? 0) / total;
  }
  return weights;
}
