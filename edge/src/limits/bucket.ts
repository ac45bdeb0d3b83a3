/** A leaking bucket: what was used of a limit, running out evenly within its window. */
export interface Bucket {
  used: number;
  /** When that much was used, in milliseconds since 1970. */
  at: number;
}

export const BUCKET_WINDOW_MS = 60_000;

/**
 * What is still in use at a later time. A clock that has gone back lets nothing run out.
 *
 * @param limit of a window; Infinity where there is none, and all runs out at once
 */
export function usedAt({ used, at }: Bucket, limit: number, now: number): number {
  if (limit === Infinity) {
    return 0;
  }
  const elapsed = Math.max(0, now - at);
  return Math.max(0, used - (limit * elapsed) / BUCKET_WINDOW_MS);
}

/** The bucket after using so much more, or less where a reservation is corrected. */
export function pour(bucket: Bucket, amount: number, limit: number, now: number): Bucket {
  return {
    used: Math.max(0, usedAt(bucket, limit, now) + amount),
    at: Math.max(now, bucket.at),
  };
}

/** Milliseconds until so much has run out. */
export function msUntilOut(amount: number, limit: number): number {
  return amount <= 0 ? 0 : Math.ceil((amount * BUCKET_WINDOW_MS) / limit);
}
