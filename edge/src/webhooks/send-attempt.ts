import { readAway } from "@qwen3-vl/shared/read-away";

import type { Outcome } from "./after-attempt.ts";
import { NOT_REACHED, notAnswered, outcomeOf } from "./attempt-outcome.ts";

export interface AttemptRequest {
  /** As it was judged. */
  url: URL;
  headers: Readonly<Record<string, string>>;
  body: string;
  /** For all of it, the answer's body included. */
  timeoutMs: number;
}

/** Posts an event and follows no redirect. Never rejects. */
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
    return signal.aborted ? notAnswered(timeoutMs) : NOT_REACHED;
  }
}
