/**
 * What the engine needs of a model. `runtime/` implements it on ONNX Runtime; tests use a few lines.
 */

/** Features of pictures for the text decoder, one row for each vision token, in prompt order. */
export interface VisionFeatures {
  /** [tokens, hidden] */
  embeddings: Float32Array;
  /** One [tokens, hidden] for each of the first text layers. */
  deepstack: readonly Float32Array[];
}

/** A picture or clip, cut into patches. */
export interface PatchedMedium {
  /** [t · h · w, patch length], merge window by merge window. */
  patches: Float32Array<ArrayBuffer>;
  /** Patches: frame pairs, rows, columns. */
  grid: { t: number; h: number; w: number };
}

/** Vision tokens among the tokens of a row. */
export interface RowVision {
  /** Which tokens of the row they are, ascending. */
  places: Int32Array;
  features: VisionFeatures;
}

/** What one step runs of one sequence. */
export interface ModelRow {
  slot: number;
  /** Tokens of the sequence that its slot holds already. */
  cachedTokens: number;
  tokenIds: Int32Array;
  /** M-RoPE positions, [3, tokenIds.length]. */
  positions: Int32Array;
  vision: RowVision | undefined;
  /** Whether the logits after the last token are wanted. */
  wantsLogits: boolean;
}

export interface Model {
  readonly slots: number;
  /** Tokens a slot can hold. */
  readonly slotCapacity: number;
  /** Tokens that all slots together may hold. */
  readonly tokenBudget: number;
  /**
   * Rejects with the signal's reason soon after it aborts.
   *
   * @param betweenRuns waited for between the runs that a clip takes; until it resolves, another medium may be encoded
   */
  encode(
    medium: PatchedMedium,
    signal?: AbortSignal,
    betweenRuns?: () => Promise<void>,
  ): Promise<VisionFeatures>;
  /** Copies the keys and values of the first tokens of a slot to another. */
  copyPrefix(from: number, to: number, tokens: number): void;
  /** Gives back the memory of a slot, whose content is lost. */
  clearSlot(slot: number): void;
  /**
   * Runs the rows, at most one for each slot, and appends their keys and values to their slots.
   *
   * @returns for each row the logits of its next token, [vocabulary], or undefined where they are not
   * wanted; valid until the next call
   */
  forward(rows: readonly ModelRow[]): Promise<readonly (Float32Array | undefined)[]>;
}
