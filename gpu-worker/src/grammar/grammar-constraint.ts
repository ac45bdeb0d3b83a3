import type { TokenConstraint } from "../engine/logits-rule.ts";
import type { ThreadLease } from "./text-threads.ts";
import { ThreadReplaced } from "./watched-thread.ts";

export interface ConstraintOptions {
  /** The constraint's own from now on. */
  lease: ThreadLease;
  /** Unlike any other's in the thread. */
  id: number;
  /** EBNF that compiled before. */
  source: string;
  vocabSize: number;
}

/** Beginning includes compiling, which took less than its own limit before. */
const BEGIN_LIMIT_MS = 20_000;
/** A mask takes below 1 ms; this is for a grammar that became pathological in mid-text. */
const ACCEPT_LIMIT_MS = 5000;

/**
 * Lets a text follow a grammar: the thread works out which tokens may come next while the model runs
 * the step before. When another's fault costs the thread, the text is begun again with its tokens.
 */
export class GrammarConstraint implements TokenConstraint {
  readonly #options: ConstraintOptions;
  /** One bit a token, written by the thread. */
  readonly #mask: Int32Array<SharedArrayBuffer>;
  readonly #tokenIds: number[] = [];
  #generation = -1;
  #ready: Promise<void>;
  /** Calls that the thread has yet to answer. */
  #underWay = 0;
  #failure: Error | undefined;
  #isDisposed = false;

  constructor(options: ConstraintOptions) {
    this.#options = options;
    const words = Math.ceil(options.vocabSize / 32);
    this.#mask = new Int32Array(new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT));
    this.#ready = this.#advance();
  }

  get isReady(): boolean {
    return this.#underWay === 0;
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  accept(tokenId: number): void {
    this.#tokenIds.push(tokenId);
    this.#ready = this.#advance(tokenId);
  }

  apply(logits: Float32Array): void {
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    if (!maskLogits(logits, this.#mask)) {
      throw new Error("the grammar allows no token");
    }
  }

  [Symbol.dispose](): void {
    const { lease, id } = this.#options;
    const { thread } = lease;
    const isHeld = !this.#isDisposed;
    this.#isDisposed = true;
    lease[Symbol.dispose]();
    if (isHeld && this.#generation === thread.generation) {
      thread.call({ type: "end", id }, ACCEPT_LIMIT_MS).catch(() => undefined); // gone either way
    }
  }

  async #advance(tokenId?: number): Promise<void> {
    this.#underWay++;
    try {
      await this.#follow(tokenId);
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
    }
    this.#underWay--;
  }

  async #follow(tokenId?: number): Promise<void> {
    try {
      await this.#call(tokenId);
    } catch (error) {
      if (!(error instanceof ThreadReplaced) || this.#isDisposed) {
        throw error;
      }
      await this.#follow();
    }
  }

  #call(tokenId: number | undefined): Promise<void> {
    const { id, source } = this.#options;
    const { thread } = this.#options.lease;
    if (tokenId !== undefined && this.#generation === thread.generation) {
      return thread.call({ type: "accept", id, tokenId }, ACCEPT_LIMIT_MS);
    }
    this.#generation = thread.generation;
    const { buffer: mask } = this.#mask;
    const tokenIds = [...this.#tokenIds];
    return thread.call({ type: "begin", id, source, mask, tokenIds }, BEGIN_LIMIT_MS);
  }
}

/** Forbids the tokens whose bit is not set; tells whether any is left. */
export function maskLogits(logits: Float32Array, mask: Int32Array): boolean {
  let left = 0;
  for (let word = 0; word < mask.length; word++) {
    const bits = mask[word] ?? 0;
    left |= bits;
    if (bits === -1) {
      continue; // most words inside a string
    }
    const first = word * 32;
    const end = Math.min(first + 32, logits.length);
    if (bits === 0) {
      logits.fill(-Infinity, first, end);
      continue;
    }
    for (let token = first; token < end; token++) {
      if (((bits >>> (token - first)) & 1) === 0) {
        logits[token] = -Infinity;
      }
    }
  }
  logits.fill(-Infinity, mask.length * 32);
  return left !== 0;
}
