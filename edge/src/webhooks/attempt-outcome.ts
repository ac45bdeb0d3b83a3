import type { Outcome } from "./after-attempt.ts";
import { parseRetryAfter } from "./retry-schedule.ts";

/** With these a receiver may say when to come again. */
const BUSY_STATUSES: ReadonlySet<number> = new Set([429, 503]);

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

/** Why is not told: it could tell of the network in which we are. */
export const NOT_REACHED: Outcome = {
  statusCode: null,
  error: "its server could not be reached or broke off",
};

export function notAnswered(timeoutMs: number): Outcome {
  return { statusCode: null, error: `its server did not answer within ${timeoutMs / 1000} s` };
}

export function refusedUrl(refusal: string): Outcome {
  return { statusCode: null, error: `its URL is refused: ${refusal}` };
}
