import { expOfNegative } from "./exp-of-negative.ts";
import type { SamplingScratch } from "./sampling-scratch.ts";
import { indexOfLargest, topScores } from "./top-scores.ts";

/** How probable the model itself held a token, as natural logarithm. */
export interface TokenLogprob {
  tokenId: number;
  logprob: number;
}

/** A token of an answer, and the most probable ones in its place, best first. */
export interface TokenLogprobs extends TokenLogprob {
  top: readonly TokenLogprob[];
}

/** What must be known of logits before they are changed. */
export interface RawLogprobs {
  /** What is taken from a logit to make it a log-probability. */
  logTotal: number;
  top: readonly TokenLogprob[];
}

/** The softmax of logits, shape [vocabulary], as far as it is told: its `count` best tokens, 0 to 20. */
export function rawLogprobs(
  logits: Float32Array,
  count: number,
  scratch: SamplingScratch,
): RawLogprobs {
  const best = bestFirst(logits, Math.min(count, logits.length), scratch);
  const largest = logits[best[0] ?? indexOfLargest(logits)] ?? 0;
  let total = 0;
  for (let id = 0; id < logits.length; id++) {
    total += expOfNegative(largest - (logits[id] ?? 0));
  }
  const logTotal = largest + Math.log(total);
  return {
    logTotal,
    top: best.map((tokenId) => ({ tokenId, logprob: (logits[tokenId] ?? 0) - logTotal })),
  };
}

/** By selection: there are few candidates, unless thousands are equal, which a sort would not stand. */
function bestFirst(logits: Float32Array, count: number, scratch: SamplingScratch): number[] {
  const best: number[] = [];
  const noted = count === 0 ? 0 : topScores(logits, count, scratch);
  const { ids } = scratch;
  while (best.length < Math.min(count, noted)) {
    let place = -1;
    let largest = Number.NEGATIVE_INFINITY;
    for (let other = 0; other < noted; other++) {
      const id = ids[other] ?? -1;
      if (id >= 0 && (logits[id] ?? 0) > largest) {
        largest = logits[id] ?? 0;
        place = other;
      }
    }
    best.push(ids[place] ?? 0);
    ids[place] = -1;
  }
  return best;
}
