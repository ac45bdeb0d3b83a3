import { isDecoding } from "./sequence.ts";
import type { Sequence } from "./sequence.ts";

export interface StepLimits {
  /** Tokens of a prompt that one step runs beside running answers. */
  prefillChunk: number;
  /** The same when no answer runs. Where a prompt is cut does not change its answer. */
  lonePrefillChunk: number;
}

export interface StepRow {
  sequence: Sequence;
  tokenCount: number;
  /** Tokens of its prompt rather than of its answer. */
  isPrompt: boolean;
}

/** Of a prompt at once: a row of one token runs through other kernels, which round differently. */
const MIN_CHUNK = 2;

/**
 * Chooses what the next step runs, changing nothing: one token of every sequence that is answering,
 * and one chunk of the first prompt in line that is not read yet. So a long prompt delays running answers by
 * a chunk a step, and running answers never hold up a prompt. Nothing is run of those that are parked, but
 * they answer: a chunk may not be so long that they would stall, should their masks come.
 *
 * @param running in the order of their turns
 */
export function planStep(running: readonly Sequence[], limits: StepLimits): StepRow[] {
  const rows: StepRow[] = [];
  for (const sequence of running) {
    if (isDecoding(sequence) && sequence.parkedLogits === undefined) {
      rows.push({ sequence, tokenCount: 1, isPrompt: false });
    }
  }
  const prefilling = running.find((sequence) => !isDecoding(sequence));
  if (prefilling !== undefined) {
    const chunk = running.some(isDecoding) ? limits.prefillChunk : limits.lonePrefillChunk;
    const tokenCount = chunkTokens(prefilling, chunk);
    rows.push({ sequence: prefilling, tokenCount, isPrompt: true });
  }
  return rows;
}

/** Tokens of the prompt that run next; never so many that a single one is left. */
function chunkTokens({ prompt, cachedTokens }: Sequence, chunk: number): number {
  const unread = prompt.tokenIds.length - cachedTokens;
  if (unread <= chunk) {
    return unread;
  }
  return unread - chunk < MIN_CHUNK ? unread - MIN_CHUNK : chunk;
}
