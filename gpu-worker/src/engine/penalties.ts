import type { SamplingSettings } from "./sampling-settings.ts";

/** Which tokens a sequence holds, as far as the penalties ask. */
export class TokenHistory {
  /** Tokens of prompt and answer. */
  readonly seen: Set<number>;
  /** How often each token occurs in the answer. */
  readonly outputCounts = new Map<number, number>();

  constructor(promptIds: Iterable<number>, outputIds: Iterable<number> = []) {
    this.seen = new Set(promptIds);
    for (const id of outputIds) {
      this.add(id);
    }
  }

  /** Counts one more token of the answer. */
  add(tokenId: number): void {
    this.seen.add(tokenId);
    this.outputCounts.set(tokenId, (this.outputCounts.get(tokenId) ?? 0) + 1);
  }
}

/** Logits after the three penalties, shape [vocabulary]: a copy, or the same when none applies. */
export function penalised(
  logits: Float32Array,
  settings: SamplingSettings,
  { seen, outputCounts }: TokenHistory,
): Float32Array {
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = settings;
  if (repetitionPenalty === 1 && presencePenalty === 0 && frequencyPenalty === 0) {
    return logits;
  }
  const result = logits.slice();
  if (repetitionPenalty !== 1) {
    for (const id of seen) {
      const logit = result[id] ?? 0;
      result[id] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    }
  }
  for (const [id, count] of outputCounts) {
    result[id] = (result[id] ?? 0) - frequencyPenalty * count - presencePenalty;
  }
  return result;
}
