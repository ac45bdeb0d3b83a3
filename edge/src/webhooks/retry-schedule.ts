const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Pauses after the first attempt, the second and so on, as the specification has them: 75.6 hours in all. */
const PAUSES = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

export const MAX_ATTEMPTS = PAUSES.length + 1;

/** Of a pause, by which it may be longer: those that failed together need not come back together. */
const JITTER = 0.1;

/** Longest that a receiver may put us off. */
const MAX_RETRY_AFTER_MS = 24 * HOUR;

export interface FailedAttempt {
  /** Of the attempt, from 1. */
  number: number;
  /** Milliseconds since 1970. */
  endedAt: number;
  /** What the receiver asked for; undefined where it asked for nothing. */
  retryAfterMs: number | undefined;
}

/**
 * When a delivery is tried again, in milliseconds since 1970; undefined when its attempts are used.
 *
 * @param random from 0 to 1
 */
export function nextAttemptAt(
  { number, endedAt, retryAfterMs = 0 }: FailedAttempt,
  random: number,
): number | undefined {
  const pause = PAUSES[number - 1];
  if (pause === undefined) {
    return undefined;
  }
  const asked = Math.min(retryAfterMs, MAX_RETRY_AFTER_MS);
  return Math.round(endedAt + Math.max(pause, asked) * (1 + JITTER * random));
}

/** Milliseconds from `now` that a header `Retry-After` asks for: seconds or a date. */
export function parseRetryAfter(header: string | null, now: number): number | undefined {
  const text = header?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) {
    return Number(text) * SECOND;
  }
  const at = /^[A-Z][a-z]{2}, [\w :-]{1,40} GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(at - now, 0);
}
