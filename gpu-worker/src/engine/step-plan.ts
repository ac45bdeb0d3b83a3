import { isDecoding, pendingTokens } from "./sequence.ts";
import type { Sequence } from "./sequence.ts";

export interface StepLimits {
  /**
   * Tokens of a prompt that one step runs. Fixed, so that a step takes as long whatever waits; where a
   * prompt is cut does not change its answer.
   */
  prefillChunk: number;
}

export interface StepRow {
  sequence: Sequence;
  tokenCount: number;
}

/**
 * Chooses what the next step runs, changing nothing: one token of every sequence that is answering,
 * and one chunk of the oldest prompt that is not read yet. So a long prompt delays running answers by
 * a chunk a step, and running answers never hold up a prompt.
 */
export function planStep(running: readonly Sequence[], limits: StepLimits): StepRow[] {
  const decoding = running.filter(isDecoding);
  const prefilling = running.find((sequence) => !isDecoding(sequence));

  const rows = decoding.map((sequence) => ({ sequence, tokenCount: 1 }));
  if (prefilling !== undefined) {
    const tokenCount = Math.min(pendingTokens(prefilling), limits.prefillChunk);
    rows.push({ sequence: prefilling, tokenCount });
  }
  return rows;
}
