import type { TokenConstraint } from "../engine/logits-rule.ts";

/**
 * A constraint that begins behind a token: an answer that follows a thought. Until then all is free.
 */
export class AfterToken implements TokenConstraint {
  readonly #tokenId: number;
  readonly #constraint: TokenConstraint;
  #hasBegun = false;

  constructor(tokenId: number, constraint: TokenConstraint) {
    this.#tokenId = tokenId;
    this.#constraint = constraint;
  }

  get isReady(): boolean {
    return !this.#hasBegun || this.#constraint.isReady;
  }

  async ready(): Promise<void> {
    if (this.#hasBegun) {
      await this.#constraint.ready();
    }
  }

  accept(tokenId: number): void {
    if (this.#hasBegun) {
      this.#constraint.accept(tokenId);
    }
    this.#hasBegun ||= tokenId === this.#tokenId;
  }

  apply(logits: Float32Array, outputIds: readonly number[]): void {
    if (this.#hasBegun) {
      this.#constraint.apply(logits, outputIds);
    }
  }

  [Symbol.dispose](): void {
    this.#constraint[Symbol.dispose]();
  }
}
