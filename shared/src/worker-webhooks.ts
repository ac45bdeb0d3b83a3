/** How the edge has a GPU worker send a webhook, where the worker dials what clients name. */
import * as z from "zod";

import { FetchPolicy } from "./fetch-policy.ts";

export const WEBHOOK_ATTEMPTS_PATH = "/v1/webhook_attempts";

/** Bytes of such a call: a result of 8 MiB, escaped as JSON within JSON, and some more. */
export const MAX_WEBHOOK_CALL_BYTES = 24 * 2 ** 20;

/** Body of `POST /v1/webhook_attempts`, all of it signed. */
export const WebhookAttemptCall = z.strictObject({
  url: z.string(),
  policy: FetchPolicy,
  headers: z.record(z.string().regex(/^[\w-]{1,64}$/), z.string().max(1024)),
  /** As it is to be sent. */
  body: z.string(),
  /** For all of it. */
  timeout_ms: z.number().min(1).max(60_000),
});
export type WebhookAttemptCall = z.infer<typeof WebhookAttemptCall>;

/** What became of it; no address is told. */
export const WebhookAttemptAnswer = z.union([
  z.object({
    status_code: z.int(),
    /** The header, as it was. */
    retry_after: z.string().nullable(),
  }),
  z.object({ failure: z.enum(["timeout", "unreachable"]) }),
  z.object({ refusal: z.string() }),
]);
export type WebhookAttemptAnswer = z.infer<typeof WebhookAttemptAnswer>;
