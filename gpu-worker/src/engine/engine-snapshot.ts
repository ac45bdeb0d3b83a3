/** What the engine is busy with between two steps, for metrics and tests. */
export interface EngineSnapshot {
  /** In the order of their turns. */
  waiting: readonly { id: string; turn: number }[];
  /** In the order of their turns. */
  running: readonly {
    id: string;
    turn: number;
    slot: number | undefined;
    cachedTokens: number;
    /** Tokens of prompt and answer so far. */
    length: number;
    /** Tokens that memory is lent for. */
    lentTokens: number;
    /** Whether its next token waits for its mask. */
    isParked: boolean;
  }[];
  freeSlots: number;
  slots: number;
  /** Tokens that all slots together may hold. */
  tokenBudget: number;
  /** Of them, lent to running sequences or kept in free slots. */
  heldTokens: number;
  /** Share of the KV cache that is lent to running sequences, 0 to 1. */
  kvUsage: number;
  /** How often a sequence gave way, since the start. */
  preemptions: number;
  /** Tokens of all prompts that ran, since the start, and of them those found in the KV cache. */
  promptTokens: number;
  sharedTokens: number;
}
