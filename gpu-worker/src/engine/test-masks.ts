import type { TokenConstraint } from "./logits-rule.ts";

export interface TestMasksOptions {
  /** Whether the mask after so many tokens is late: it comes when the test releases it. */
  isLate?: (tokens: number) => boolean;
  /** Told when a late mask is begun, so that it may be released some time. */
  onLate?: (masks: TestMasks) => void;
}

/** Forbids a third of all tokens, another third each time, and holds its caller to the contract. */
export class TestMasks implements TokenConstraint {
  readonly #options: TestMasksOptions;
  #mask: PromiseWithResolvers<void>;
  #isReady = false;
  #failure: Error | undefined;
  /** Accepted so far. */
  tokens = 0;
  isDisposed = false;
  /** What was asked for too early or too late. */
  readonly misuses: string[] = [];

  constructor(options: TestMasksOptions = {}) {
    this.#options = options;
    this.#mask = this.#begin();
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  ready(): Promise<void> {
    return this.#mask.promise;
  }

  release(): void {
    this.#isReady = true;
    this.#mask.resolve();
  }

  /** The mask comes, but it will be none. */
  releaseFailed(error: Error): void {
    this.#failure = error;
    this.release();
  }

  accept(): void {
    this.#note("accept");
    this.tokens++;
    this.#mask = this.#begin();
  }

  apply(logits: Float32Array): void {
    this.#note("apply");
    if (this.#failure !== undefined) {
      throw this.#failure;
    }
    for (let tokenId = this.tokens % 3; tokenId < logits.length; tokenId += 3) {
      logits[tokenId] = -Infinity;
    }
  }

  [Symbol.dispose](): void {
    this.isDisposed = true;
  }

  #begin(): PromiseWithResolvers<void> {
    this.#mask = Promise.withResolvers<void>();
    this.#isReady = false;
    if (this.#options.isLate?.(this.tokens) === true) {
      this.#options.onLate?.(this);
    } else {
      this.release();
    }
    return this.#mask;
  }

  #note(call: string): void {
    if (this.isDisposed || !this.#isReady) {
      this.misuses.push(`${call} ${this.isDisposed ? "after disposal" : "before the mask"}`);
    }
  }
}
