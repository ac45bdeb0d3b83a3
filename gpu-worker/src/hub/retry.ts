import { HubAnswerError, isTransient } from "./hub-error.ts";

/** Without progress: with the delays below, a network that is away for half a minute is outlived. */
const MAX_ATTEMPTS = 6;
const FIRST_DELAY_MS = 1000;

/** A hub that asks for more patience than this gets the next start. */
const MAX_DELAY_MS = 300_000;

export interface RetryOptions {
  sleep: (milliseconds: number) => Promise<void>;
  /** Grows while an attempt gets on: one that got on is not counted as a failure of the same kind. */
  bytesDone?: () => number;
  onRetry: (error: unknown, delayMs: number) => void;
}

/** Runs it again after failures that may pass. */
export async function withRetries<T>(
  attempt: () => Promise<T>,
  { sleep, bytesDone = () => 0, onRetry }: RetryOptions,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    const before = bytesDone();
    try {
      return await attempt();
    } catch (error) {
      failures = bytesDone() > before ? 1 : failures;
      const delayMs = retryDelayMs(error, failures);
      if (!isTransient(error) || failures >= MAX_ATTEMPTS || delayMs > MAX_DELAY_MS) {
        throw error;
      }
      onRetry(error, delayMs);
      await sleep(delayMs);
    }
  }
}

/** What the hub asks for, else 1 s, 2 s, 4 s …, each up to a quarter longer so that many starts part. */
function retryDelayMs(error: unknown, failures: number): number {
  const asked = error instanceof HubAnswerError ? error.retryAfterMs : undefined;
  return asked ?? FIRST_DELAY_MS * 2 ** (failures - 1) * (1 + Math.random() / 4);
}
