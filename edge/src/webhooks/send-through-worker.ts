import { ApiError } from "@qwen3-vl/shared/errors";
import type { FetchPolicy } from "@qwen3-vl/shared/fetch-policy";
import { WEBHOOK_ATTEMPTS_PATH, WebhookAttemptAnswer } from "@qwen3-vl/shared/worker-webhooks";
import type { WebhookAttemptCall } from "@qwen3-vl/shared/worker-webhooks";

import { callGpuWorker } from "../inference/gpu-worker-client.ts";
import type { GpuWorker } from "../inference/gpu-worker-client.ts";
import type { Outcome } from "./after-attempt.ts";
import { NOT_REACHED, notAnswered, outcomeOf, refusedUrl } from "./attempt-outcome.ts";
import type { AttemptRequest } from "./send-attempt.ts";

/** Beside the receiver's own time: the way to the worker and back. */
const WORKER_MS = 10_000;

export interface WorkerRoute {
  /** Asked in turn until one answers. */
  workers: readonly GpuWorker[];
  policy: FetchPolicy;
}

/**
 * Has a GPU worker post an event: it dials the very address that it has checked.
 *
 * @throws ApiError `overloaded` when no worker answers, Error when one does not know how
 */
export async function sendThroughWorker(
  { url, headers, body, timeoutMs }: AttemptRequest,
  { workers, policy }: WorkerRoute,
): Promise<Outcome> {
  const call = JSON.stringify({
    url: url.href,
    policy,
    headers: { ...headers },
    body,
    timeout_ms: timeoutMs,
  } satisfies WebhookAttemptCall);
  const response = await firstAnswer(workers, call, timeoutMs + WORKER_MS);
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`the GPU worker answered a webhook with status ${response.status}`);
  }
  const answer = WebhookAttemptAnswer.parse(await response.json());
  if ("refusal" in answer) {
    return refusedUrl(answer.refusal);
  }
  if ("failure" in answer) {
    return answer.failure === "timeout" ? notAnswered(timeoutMs) : NOT_REACHED;
  }
  return outcomeOf(answer.status_code, answer.retry_after, Date.now());
}

async function firstAnswer(
  workers: readonly GpuWorker[],
  content: string,
  timeoutMs: number,
): Promise<Response> {
  let failure: unknown = new Error("there is no GPU worker");
  for (const worker of workers) {
    try {
      return await callGpuWorker(worker, {
        method: "POST",
        path: WEBHOOK_ATTEMPTS_PATH,
        signedContent: content,
        contentType: "application/json",
        body: () => Uint8Array.from(new TextEncoder().encode(content)),
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      failure = error; // nobody was there: the next may be
    }
  }
  throw failure;
}
