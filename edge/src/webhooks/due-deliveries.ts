import * as z from "zod";

import type { Attempt } from "./delivery.ts";
import { disableEndpoint } from "./endpoints-table.ts";

/** What an endpoint's sender has to do now. */
export async function dueDeliveryIds(
  db: D1Database,
  endpointId: string,
  { now, limit }: { now: number; limit: number },
): Promise<string[]> {
  const { results } = await db
    .prepare(
      "SELECT id FROM webhook_deliveries WHERE endpoint_id = ? AND next_at <= ? ORDER BY next_at LIMIT ?",
    )
    .bind(endpointId, now, limit)
    .all();
  return z
    .array(z.object({ id: z.string() }))
    .parse(results)
    .map(({ id }) => id);
}

/** When it has to do something next; undefined when nothing is left. */
export async function nextDueAt(db: D1Database, endpointId: string): Promise<number | undefined> {
  const row = await db
    .prepare(
      "SELECT MIN(next_at) AS at FROM webhook_deliveries WHERE endpoint_id = ? AND next_at IS NOT NULL",
    )
    .bind(endpointId)
    .first();
  return z.object({ at: z.int().nullable() }).parse(row).at ?? undefined;
}

/** A delivery that is to be sent now, with what is needed of its endpoint. Times are milliseconds since 1970. */
export interface DueDelivery {
  id: string;
  type: string;
  /** JSON of the event's data. */
  data: string;
  payload: "thin" | "full";
  /** Where the job's result lies in the bucket; null where it has none. */
  resultKey: string | null;
  /** Attempts that were made. */
  attempts: number;
  createdAt: number;
  endpoint: {
    id: string;
    url: string;
    /** Sealed, as the one before. */
    secret: string;
    previousSecret: string | null;
    previousExpiresAt: number | null;
    failingSince: number | null;
  };
}

const Row = z
  .object({
    id: z.string(),
    type: z.string(),
    data: z.string(),
    payload: z.enum(["thin", "full"]),
    result_key: z.string().nullable(),
    attempts: z.int(),
    created_at: z.int(),
    endpoint_id: z.string(),
    url: z.string(),
    secret: z.string(),
    previous_secret: z.string().nullable(),
    previous_expires_at: z.int().nullable(),
    failing_since: z.int().nullable(),
  })
  .transform((row): DueDelivery => ({
    id: row.id,
    type: row.type,
    data: row.data,
    payload: row.payload,
    resultKey: row.result_key,
    attempts: row.attempts,
    createdAt: row.created_at,
    endpoint: {
      id: row.endpoint_id,
      url: row.url,
      secret: row.secret,
      previousSecret: row.previous_secret,
      previousExpiresAt: row.previous_expires_at,
      failingSince: row.failing_since,
    },
  }));

/** Undefined where it is no longer to be sent: its owner has disabled or deleted the endpoint meanwhile. */
export async function findDueDelivery(
  db: D1Database,
  id: string,
  now: number,
): Promise<DueDelivery | undefined> {
  const row = await db
    .prepare(
      "SELECT delivery.id, delivery.type, delivery.data, delivery.payload, delivery.attempts, " +
        "delivery.created_at, delivery.endpoint_id, jobs.result_key, endpoint.url, endpoint.secret, " +
        "endpoint.previous_secret, endpoint.previous_expires_at, endpoint.failing_since " +
        "FROM webhook_deliveries AS delivery JOIN webhook_endpoints AS endpoint ON endpoint.id = delivery.endpoint_id " +
        "LEFT JOIN jobs ON jobs.id = delivery.job_id " +
        "WHERE delivery.id = ? AND delivery.next_at <= ? AND endpoint.status = 'enabled'",
    )
    .bind(id, now)
    .first();
  return row === null ? undefined : Row.parse(row);
}

/** What an attempt makes of its delivery and endpoint. */
export interface Verdict {
  status: "pending" | "delivered" | "failed";
  /** When it is tried again. */
  nextAt: number | null;
  /** When deliveries began to fail; null when this one has succeeded. */
  failingSince: number | null;
  /** Why the endpoint is disabled, if it is to be. */
  disabledReason: string | null;
}

/** Stores an attempt and what it means, as one. */
export async function noteAttempt(
  db: D1Database,
  { id, endpoint }: DueDelivery,
  { number, at, durationMs, statusCode, error }: Attempt,
  { status, nextAt, failingSince, disabledReason }: Verdict,
): Promise<void> {
  const endedAt = at + durationMs;
  await db.batch([
    db
      .prepare(
        "INSERT OR IGNORE INTO webhook_attempts SELECT ?1, ?2, ?3, ?4, ?5, ?6 " +
          "WHERE EXISTS (SELECT 1 FROM webhook_deliveries WHERE id = ?1)", // it may be deleted meanwhile
      )
      .bind(id, number, at, durationMs, statusCode, error),
    db
      .prepare(
        // The owner may have disabled the endpoint meanwhile: then it waits like the others.
        "UPDATE webhook_deliveries SET attempts = ?2, status = ?3, " +
          "next_at = CASE (SELECT status FROM webhook_endpoints WHERE id = endpoint_id) WHEN 'enabled' THEN ?4 END, " +
          "ended_at = ?5 WHERE id = ?1",
      )
      .bind(id, number, status, nextAt, status === "pending" ? null : endedAt),
    db
      .prepare(
        "UPDATE webhook_endpoints SET failing_since = CASE WHEN ?2 IS NULL THEN NULL ELSE COALESCE(failing_since, ?2) END " +
          "WHERE id = ?1 AND failing_since IS NOT ?2",
      )
      .bind(endpoint.id, failingSince),
    ...(disabledReason === null ? [] : disableEndpoint(db, endpoint.id, disabledReason, endedAt)),
  ]);
}

/** Tries a delivery later, without counting: what failed is on our side. */
export async function postpone(db: D1Database, id: string, nextAt: number): Promise<void> {
  await db
    .prepare("UPDATE webhook_deliveries SET next_at = ? WHERE id = ? AND next_at IS NOT NULL")
    .bind(nextAt, id)
    .run();
}
