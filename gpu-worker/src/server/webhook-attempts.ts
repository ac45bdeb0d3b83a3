import type { IncomingMessage, ServerResponse } from "node:http";

import { ApiError } from "@qwen3-vl/shared/errors";
import { parseRequest } from "@qwen3-vl/shared/invalid-request";
import { parseJson } from "@qwen3-vl/shared/json";
import { MAX_WEBHOOK_CALL_BYTES, WebhookAttemptCall } from "@qwen3-vl/shared/worker-webhooks";

import type { WebhookPoster } from "../media-fetch/webhook-poster.ts";
import { closedByClient } from "./answer-writer.ts";
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
  const content = await readText(incoming);
  await verify(incoming, content);
  const call = parseRequest(WebhookAttemptCall, parseJson(content));
  const caller = new AbortController();
  response.on("close", () => caller.abort(closedByClient()));
  sendJson(response, 200, await poster.post(call, caller.signal));
}

async function readText(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > MAX_WEBHOOK_CALL_BYTES) {
      const message = `The body is larger than ${MAX_WEBHOOK_CALL_BYTES} bytes.`;
      throw new ApiError("request_too_large", message, { param: "body" });
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}
