import type { StepFigures } from "./engine-observer.ts";

/** Tokens of a prompt that a step may run beside answers; between them is little to gain. Ascending. */
const CHUNK_SIZES = [16, 32, 64, 128, 256, 512] as const;

/** Of a faster step, this much is believed: what slows steps down comes and goes. */
const RECOVERY = 0.1;

/**
 * Times steps as they run, and from that says how long a chunk may be so that the next one stalls running
 * answers no longer than it may. Whatever slows steps down counts by that, at once, and is forgotten over some
 * twenty steps: long contexts, many answers, pictures that are encoded meanwhile, other work of the machine.
 */
export class StepPace {
  readonly #maxStallMs: number;
  /** Of the answers' part of a step. */
  #decodeMs = 0;
  #msPerToken: number | undefined;

  constructor(maxStallMs: number) {
    this.#maxStallMs = maxStallMs;
  }

  /** The smallest before any prompt was read, and where none is short enough: prompts must be read. */
  get prefillChunk(): number {
    const spareMs = this.#maxStallMs - this.#decodeMs;
    const perToken = this.#msPerToken ?? Infinity;
    return CHUNK_SIZES.findLast((tokens) => tokens * perToken <= spareMs) ?? CHUNK_SIZES[0];
  }

  note({ decodedRows, prefillTokens, milliseconds }: StepFigures): void {
    if (prefillTokens === 0) {
      this.#decodeMs = follow(this.#decodeMs, milliseconds);
      return;
    }
    const readingMs = milliseconds - (decodedRows === 0 ? 0 : this.#decodeMs);
    this.#msPerToken = follow(this.#msPerToken, Math.max(0, readingMs) / prefillTokens);
  }
}

function follow(known: number | undefined, newest: number): number {
  return known === undefined || newest > known ? newest : known + RECOVERY * (newest - known);
}
