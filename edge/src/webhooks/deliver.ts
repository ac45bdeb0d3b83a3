import { gpuWorkersOf } from "../backends/backend-settings.ts";
import type { Env } from "../env.ts";
import { createLogger } from "../observability/logger.ts";
import { findStorage } from "../storage/storage-settings.ts";
import { afterAttempt } from "./after-attempt.ts";
import type { Outcome } from "./after-attempt.ts";
import { refusedUrl } from "./attempt-outcome.ts";
import { deliveryBody } from "./delivery-body.ts";
import { findDueDelivery, noteAttempt, postpone } from "./due-deliveries.ts";
import type { DueDelivery, Verdict } from "./due-deliveries.ts";
import { judgeWebhookUrl, webhookFetchingOf } from "./judge-webhook-url.ts";
import { requireSealer } from "./secret-sealer.ts";
import { sendAttempt } from "./send-attempt.ts";
import { sendThroughWorker } from "./send-through-worker.ts";
import { signatureHeaders } from "./sign-delivery.ts";

/** As the specification advises; a receiver should answer first and work then. */
const TIMEOUT_SECONDS = 15;

/** A slow receiver takes one of a few places all the while. */
const MAX_TIMEOUT_SECONDS = 60;

/** The bucket, or the sealing key, is not as it should be: no attempt is used up by that. */
const POSTPONED_MS = 60_000;

/**
 * Makes one attempt at a delivery and stores how it ended. A process that dies in between has it made
 * again: receivers know a repeat by its `webhook-id`.
 *
 * @returns false where it was not to be sent any more
 */
export async function deliver(env: Env, id: string): Promise<boolean> {
  const delivery = await findDueDelivery(env.DB, id, Date.now());
  if (delivery === undefined) {
    return false;
  }
  const at = Date.now();
  let outcome: Outcome;
  try {
    outcome = await attempt(env, delivery, at);
  } catch (error) {
    createLogger(env.LOG).error("webhook_postponed", { deliveryId: id, error });
    await postpone(env.DB, id, Date.now() + POSTPONED_MS);
    return true;
  }
  const endedAt = Date.now();
  const number = delivery.attempts + 1;
  const verdict = afterAttempt(delivery, { number, endedAt, outcome }, Math.random());
  const { statusCode, error } = outcome;
  const noted = { number, at, durationMs: endedAt - at, statusCode, error };
  await noteAttempt(env.DB, delivery, noted, verdict);
  log(env, delivery, { number, statusCode, ...verdict });
  return true;
}

async function attempt(env: Env, delivery: DueDelivery, now: number): Promise<Outcome> {
  const { id, endpoint } = delivery;
  const { policy, fetchIn } = webhookFetchingOf(env);
  const judged = judgeWebhookUrl(endpoint.url, { policy });
  if ("refusal" in judged) {
    return refusedUrl(judged.refusal);
  }
  const [secrets, body] = await Promise.all([
    openSecrets(env, endpoint, now),
    deliveryBody(delivery, findStorage(env)),
  ]);
  const timestamp = Math.floor(now / 1000);
  const request = {
    url: judged.url,
    body,
    headers: {
      "Content-Type": "application/json",
      "User-Agent": "qwen3-vl-api-webhooks",
      ...(await signatureHeaders({ id, timestamp, body }, secrets)),
    },
    timeoutMs: timeoutMsOf(env),
  };
  return fetchIn === "worker"
    ? sendThroughWorker(request, { workers: gpuWorkersOf(env), policy })
    : sendAttempt(request);
}

/** @throws Error for a variable that cannot be used */
function timeoutMsOf({ WEBHOOK_TIMEOUT_SECONDS: text = "" }: Env): number {
  const seconds = text === "" ? TIMEOUT_SECONDS : Number(text);
  if (!(seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS)) {
    throw new Error(
      `WEBHOOK_TIMEOUT_SECONDS=${text}: expected a number above 0, up to ${MAX_TIMEOUT_SECONDS}`,
    );
  }
  return seconds * 1000;
}

/** The newest first, and the one before it while both are good. */
function openSecrets(
  env: Env,
  { id, secret, previousSecret, previousExpiresAt }: DueDelivery["endpoint"],
  now: number,
): Promise<string[]> {
  const sealer = requireSealer(env);
  const isRotating = previousSecret !== null && (previousExpiresAt ?? 0) > now;
  const sealed = isRotating ? [secret, previousSecret] : [secret];
  return Promise.all(sealed.map((each) => sealer.open(each, id)));
}

function log(
  env: Env,
  { id, endpoint }: DueDelivery,
  told: Pick<Verdict, "status" | "disabledReason"> & {
    number: number;
    statusCode: number | null;
  },
): void {
  const logger = createLogger(env.LOG);
  const { number: attemptNumber, statusCode, status, disabledReason } = told;
  const names = { deliveryId: id, endpointId: endpoint.id };
  logger.info("webhook_attempt", { ...names, attemptNumber, statusCode, status });
  if (disabledReason !== null) {
    logger.warn("webhook_endpoint_disabled", { ...names, disabledReason });
  }
}
