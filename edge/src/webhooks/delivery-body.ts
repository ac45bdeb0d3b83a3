import type { WebhookEvent } from "@qwen3-vl/shared/webhooks";
import * as z from "zod";

import { acceptUpTo, readUtf8 } from "../http/read-body.ts";
import { getObject } from "../storage/objects.ts";
import type { S3Client } from "../storage/s3-client.ts";
import type { DueDelivery } from "./due-deliveries.ts";

/** A larger result is fetched by its job's id: a hundred thousand tokens with their log-probabilities fit. */
const MAX_RESULT_BYTES = 8 * 2 ** 20;

const Data = z.record(z.string(), z.unknown());

/**
 * What is sent: the same bytes at each attempt, for nothing in it changes once the event is made.
 *
 * @param s3 the bucket that has the results of jobs
 */
export async function deliveryBody(
  { id, type, data, payload, resultKey, createdAt }: DueDelivery,
  s3: S3Client | undefined,
): Promise<string> {
  const told = Data.parse(JSON.parse(data));
  const isFull = payload === "full" && type === "job.completed";
  const result = isFull ? { result: await resultOf(s3, resultKey) } : {};
  return JSON.stringify({
    id,
    object: "event",
    type,
    created_at: Math.floor(createdAt / 1000),
    data: { ...told, ...result },
  } satisfies WebhookEvent);
}

/** Null where it is too large, or no longer kept. */
async function resultOf(s3: S3Client | undefined, key: string | null): Promise<unknown> {
  const stored = s3 === undefined || key === null ? undefined : await getObject(s3, key);
  if (stored === undefined) {
    return null;
  }
  if (Number(stored.headers.get("Content-Length")) > MAX_RESULT_BYTES) {
    await stored.body?.cancel();
    return null;
  }
  return Data.parse(
    JSON.parse(await readUtf8(stored.body, acceptUpTo(MAX_RESULT_BYTES, tooLarge))),
  );
}

function tooLarge(): Error {
  return new Error("a result is larger than the bucket has announced");
}
