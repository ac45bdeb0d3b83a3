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

/** Of an answer's body, which says nothing to us; it is read so that the receiver can end in peace. */
const MAX_READ_BYTES = 16_384;

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

async function readAway(body: ReadableStream<Uint8Array> | null): Promise<void> {
  let left = MAX_READ_BYTES;
  for await (const chunk of body ?? []) {
    left -= chunk.byteLength;
    if (left < 0) {
      return; // leaving the loop cancels the rest
    }
  }
}
