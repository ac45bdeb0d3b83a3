/** What one step of the engine ran. */
export interface StepFigures {
  /** Answers that got a token, or a token of theirs back after they gave way. */
  decodedRows: number;
  /** Tokens of a prompt. */
  prefillTokens: number;
  milliseconds: number;
}

/** Told what happens in the engine, for metrics and for tests that look after every step. */
export interface EngineObserver {
  stepped?: (step: StepFigures) => void;
  /** A sequence runs for the first time, after so long in line. */
  started?: (waitedMs: number) => void;
  /** A picture or clip was encoded. */
  encoded?: (milliseconds: number) => void;
}
