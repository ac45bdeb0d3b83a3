import type { IncomingMessage, ServerResponse } from "node:http";

import { MAX_WEBHOOK_CALL_BYTES, WebhookAttemptCall } from "@qwen3-vl/shared/worker-webhooks";

import type { WebhookPoster } from "../media-fetch/webhook-poster.ts";
import { closedByClient } from "./answer-writer.ts";
import { readSignedJson } from "./read-signed-json.ts";
import { sendJson } from "./send-json.ts";

export interface WebhookAttemptsOptions {
  poster: WebhookPoster;
  /** @throws ApiError unless the call with this content was signed */
  verify: (incoming: IncomingMessage, content: string) => Promise<void>;
}

/** `POST /v1/webhook_attempts` of the worker protocol: sends a webhook for the edge, and tells how it went. */
export async function attemptWebhook(
  incoming: IncomingMessage,
  response: ServerResponse,
  { poster, verify }: WebhookAttemptsOptions,
): Promise<void> {
  const signed = { verify, maxBytes: MAX_WEBHOOK_CALL_BYTES };
  const { value: call } = await readSignedJson(incoming, WebhookAttemptCall, signed);
  const caller = new AbortController();
  response.on("close", () => caller.abort(closedByClient()));
  sendJson(response, 200, await poster.post(call, caller.signal));
}
