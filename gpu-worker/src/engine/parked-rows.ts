import type { Sequence } from "./sequence.ts";

/**
 * How long a step waits for masks that are late. The slowest take 10 ms, and mostly beside the model; what
 * takes longer waits behind a grammar being compiled, or is faulty.
 */
export const MASK_GRACE_MS = 20;

/** A row of a step that was run, whose next token nobody may choose yet. */
export interface LateRow {
  sequence: Sequence;
  /** The model's, which it writes over in its next step. */
  logits: Float32Array;
}

/** Resolves when all rows may choose their tokens, and at the latest after so many milliseconds. */
export async function readyWithin(rows: readonly LateRow[], milliseconds: number): Promise<void> {
  const { promise: timeIsUp, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, milliseconds);
  await Promise.race([timeIsUp, Promise.all(rows.map(({ sequence }) => sequence.answer.ready()))]);
  clearTimeout(timer);
}

/** Leaves a sequence out of further steps until it may choose its token. */
export function park({ sequence, logits }: LateRow): void {
  sequence.parkedLogits = logits.slice();
}

/** Takes the logits of a parked sequence that may choose its token by now; undefined for all others. */
export function unpark(sequence: Sequence): Float32Array | undefined {
  const { parkedLogits, answer } = sequence;
  if (parkedLogits === undefined || !answer.isReady) {
    return undefined;
  }
  sequence.parkedLogits = undefined;
  return parkedLogits;
}
