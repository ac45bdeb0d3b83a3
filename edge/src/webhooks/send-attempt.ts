import type { Outcome } from "./after-attempt.ts";
import { parseRetryAfter } from "./retry-schedule.ts";

export interface AttemptRequest {
  url: URL;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** For all of it, the answer's body included. */
  timeoutMs: number;
}

/** Of an answer's body, which says nothing to us; it is read so that the receiver can end in peace. */
const MAX_READ_BYTES = 16_384;

/** With these a receiver may say when to come again. */
const BUSY_STATUSES: ReadonlySet<number> = new Set([429, 503]);

/** Posts an event and follows no redirect. Never rejects; what went wrong is told without addresses. */
export async function sendAttempt({
  url,
  headers,
  body,
  timeoutMs,
}: AttemptRequest): Promise<Outcome> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const init = { method: "POST", headers, body, redirect: "manual", signal } as const;
    const response = await fetch(url, init);
    await readAway(response.body);
    return outcomeOf(response.status, response.headers.get("Retry-After"), Date.now());
  } catch {
    const error = signal.aborted
      ? `its server did not answer within ${timeoutMs / 1000} s`
      : "its server could not be reached or broke off";
    return { statusCode: null, error };
  }
}

/** Only 2xx says that an event has arrived. */
export function outcomeOf(status: number, retryAfter: string | null, now: number): Outcome {
  if (status >= 200 && status < 300) {
    return { statusCode: status, error: null };
  }
  const hint = status >= 300 && status < 400 ? "; redirects are not followed" : "";
  return {
    statusCode: status,
    error: `its server answered with status ${status}, expected 2xx${hint}`,
    retryAfterMs: BUSY_STATUSES.has(status) ? parseRetryAfter(retryAfter, now) : undefined,
  };
}

async function readAway(body: ReadableStream<Uint8Array> | null): Promise<void> {
  let left = MAX_READ_BYTES;
  for await (const chunk of body ?? []) {
    left -= chunk.byteLength;
    if (left < 0) {
      return; // leaving the loop cancels the rest
    }
  }
}
