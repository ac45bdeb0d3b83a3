import type { IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

import { SIGNATURE_HEADER, verifyCall } from "@qwen3-vl/shared/signature";
import { WEBHOOK_ATTEMPTS_PATH, WebhookAttemptCall } from "@qwen3-vl/shared/worker-webhooks";
import type { WebhookAttemptAnswer } from "@qwen3-vl/shared/worker-webhooks";

import { GPU_WORKER_SECRET } from "./secret.ts";

/** Sends a webhook as a worker does, but checks no address: what is called `leads-inside` would be refused. */
export async function postWebhook(
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const content = await text(request);
  const signature = String(request.headers[SIGNATURE_HEADER.toLowerCase()]);
  const signed = { method: "POST", path: WEBHOOK_ATTEMPTS_PATH, content };
  await verifyCall(GPU_WORKER_SECRET, signed, signature, new Date());
  const {
    url,
    headers,
    body,
    timeout_ms: timeoutMs,
  } = WebhookAttemptCall.parse(JSON.parse(content));
  if (url.includes("leads-inside")) {
    send(response, { refusal: "its host is not public" });
    return;
  }
  const signal = AbortSignal.timeout(timeoutMs);
  const sent = { method: "POST", headers: { ...headers, "X-Sent-By": "worker" }, body, signal };
  const answer = await fetch(url, { ...sent, redirect: "manual" }).catch(() => undefined);
  const told: WebhookAttemptAnswer =
    answer === undefined
      ? { failure: signal.aborted ? "timeout" : "unreachable" }
      : { status_code: answer.status, retry_after: answer.headers.get("Retry-After") };
  await answer?.body?.cancel();
  send(response, told);
}

function send(response: ServerResponse, answer: WebhookAttemptAnswer): void {
  response.writeHead(200, { "Content-Type": "application/json" });
  response.end(JSON.stringify(answer));
}
