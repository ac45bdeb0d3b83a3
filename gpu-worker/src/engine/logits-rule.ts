/** Forbids tokens of one sequence, with -Infinity, or shifts their logits, before penalties and sampling. */
export interface LogitsRule {
  /** Changes logits, shape [vocabulary], in place, given the tokens of the answer so far. */
  apply(logits: Float32Array, outputIds: readonly number[]): void;
}

/**
 * A rule that is worked out elsewhere, from token to token, while the model runs: a grammar.
 *
 * `apply` comes when it is ready. What goes wrong elsewhere is thrown by `apply`, so that it
 * ends this answer and no other.
 */
export interface TokenConstraint extends LogitsRule, Disposable {
  /** Whether the rule for the next token is known. */
  readonly isReady: boolean;
  /** Resolves, and never rejects, when it is. */
  ready(): Promise<void>;
  /** The next token was chosen. */
  accept(tokenId: number): void;
}
