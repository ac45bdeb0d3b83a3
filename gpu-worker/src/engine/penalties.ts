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

/** Whether any of the three penalties applies. */
export function penalises(settings: SamplingSettings): boolean {
  return (
    settings.repetitionPenalty !== 1 ||
    settings.presencePenalty !== 0 ||
    settings.frequencyPenalty !== 0
  );
}

/** Changes logits, shape [vocabulary], in place, by the three penalties. */
export function penalise(
  logits: Float32Array,
  settings: SamplingSettings,
  { seen, outputCounts }: TokenHistory,
): void {
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = settings;
  if (repetitionPenalty !== 1) {
    for (const id of seen) {
      const logit = logits[id] ?? 0;
      logits[id] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    }
  }
  if (presencePenalty === 0 && frequencyPenalty === 0) {
    return;
  }
  for (const [id, count] of outputCounts) {
    logits[id] = (logits[id] ?? 0) - frequencyPenalty * count - presencePenalty;
  }
}
