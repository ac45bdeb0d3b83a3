import { isDecoding, pendingTokens } from "./sequence.ts";
import type { Sequence } from "./sequence.ts";

export interface StepLimits {
  /**
   * Tokens of a prompt that one step runs. Fixed, so that a prompt is cut at the same places whatever
   * else runs, and its answer does not depend on its neighbours.
   */
  prefillChunk: number;
}

export interface StepRow {
  sequence: Sequence;
  tokenCount: number;
}

export interface StepPlan {
  /** Waiting sequences that get a slot now, in order of arrival. */
  admitted: readonly Sequence[];
  rows: readonly StepRow[];
}

/**
 * Chooses what the next step runs, changing nothing: one token of every sequence that is answering,
 * and one chunk of the oldest prompt that is not read yet. So a long prompt delays running answers by
 * a chunk a step, and running answers never hold up a prompt.
 */
export function planStep(
  running: readonly Sequence[],
  waiting: readonly Sequence[],
  freeSlots: number,
  limits: StepLimits,
): StepPlan {
  const admitted = waiting.slice(0, freeSlots);
  const decoding = running.filter(isDecoding);
  const prefilling = [...running, ...admitted].find((sequence) => !isDecoding(sequence));

  const rows = decoding.map((sequence) => ({ sequence, tokenCount: 1 }));
  if (prefilling !== undefined) {
    const tokenCount = Math.min(pendingTokens(prefilling), limits.prefillChunk);
    rows.push({ sequence: prefilling, tokenCount });
  }
  return { admitted, rows };
}
