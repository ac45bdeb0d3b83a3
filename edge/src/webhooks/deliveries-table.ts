import { WEBHOOK_TEST, WebhookDeliveryStatus } from "@qwen3-vl/shared/webhooks";
import * as z from "zod";

import type { Attempt, Delivery } from "./delivery.ts";
import type { Endpoint } from "./endpoint.ts";

const COLUMNS = "id, endpoint_id, type, job_id, status, next_at, created_at, ended_at";

const Row = z
  .object({
    id: z.string(),
    endpoint_id: z.string(),
    type: z.string(),
    job_id: z.string().nullable(),
    status: WebhookDeliveryStatus,
    next_at: z.int().nullable(),
    created_at: z.int(),
    ended_at: z.int().nullable(),
  })
  .transform((row): Delivery => ({
    id: row.id,
    endpointId: row.endpoint_id,
    type: row.type,
    jobId: row.job_id,
    status: row.status,
    nextAt: row.next_at,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  }));

const AttemptRow = z
  .object({
    delivery_id: z.string(),
    number: z.int(),
    at: z.int(),
    duration_ms: z.int(),
    status_code: z.int().nullable(),
    error: z.string().nullable(),
  })
  .transform((row) => ({
    deliveryId: row.delivery_id,
    number: row.number,
    at: row.at,
    durationMs: row.duration_ms,
    statusCode: row.status_code,
    error: row.error,
  }));

/** A tenant's own delivery. */
export async function findOwnDelivery(
  db: D1Database,
  tenant: string,
  id: string,
): Promise<Delivery | undefined> {
  const row = await db
    .prepare(`SELECT ${COLUMNS} FROM webhook_deliveries WHERE tenant = ? AND id = ?`)
    .bind(tenant, id)
    .first();
  return row === null ? undefined : Row.parse(row);
}

export interface DeliveryListing {
  limit: number;
  order: "asc" | "desc";
  /** The list begins behind it. */
  after: Delivery | undefined;
  endpoint: string | undefined;
  job: string | undefined;
  status: Delivery["status"] | undefined;
}

/** In order of creation. */
export async function listDeliveries(
  db: D1Database,
  tenant: string,
  { limit, order, after, endpoint, job, status }: DeliveryListing,
): Promise<Delivery[]> {
  const sign = order === "asc" ? ">" : "<";
  const { results } = await db
    .prepare(
      `SELECT ${COLUMNS} FROM webhook_deliveries WHERE tenant = ?1 ` +
        "AND (?2 IS NULL OR endpoint_id = ?2) AND (?3 IS NULL OR job_id = ?3) " +
        "AND (?4 IS NULL OR status = ?4) " +
        `AND (?5 IS NULL OR (created_at, id) ${sign} (?5, ?6)) ` +
        `ORDER BY created_at ${order}, id ${order} LIMIT ?7`,
    )
    .bind(
      tenant,
      endpoint ?? null,
      job ?? null,
      status ?? null,
      after?.createdAt ?? null,
      after?.id ?? null,
      limit,
    )
    .all();
  return z.array(Row).parse(results);
}

/** The attempts of each delivery by its id, in their order; those without any are not in it. */
export async function attemptsOf(
  db: D1Database,
  deliveryIds: readonly string[],
): Promise<ReadonlyMap<string, Attempt[]>> {
  const { results } = await db
    .prepare(
      "SELECT * FROM webhook_attempts WHERE delivery_id IN (SELECT value FROM json_each(?)) ORDER BY number",
    )
    .bind(JSON.stringify(deliveryIds))
    .all();
  return Map.groupBy(z.array(AttemptRow).parse(results), ({ deliveryId }) => deliveryId);
}

/** An event that tells of nothing, due now; its endpoint may be disabled meanwhile, then it waits. */
export async function insertTestDelivery(
  db: D1Database,
  { id: endpointId, tenant, payload }: Pick<Endpoint, "id" | "tenant" | "payload">,
  { id, now }: { id: string; now: number },
): Promise<Delivery> {
  const row = await db
    .prepare(
      "INSERT INTO webhook_deliveries (id, endpoint_id, tenant, type, data, payload, status, next_at, created_at) " +
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'pending', " +
        "CASE (SELECT status FROM webhook_endpoints WHERE id = ?2) WHEN 'enabled' THEN ?7 END, ?7) " +
        `RETURNING ${COLUMNS}`,
    )
    .bind(
      id,
      endpointId,
      tenant,
      WEBHOOK_TEST,
      JSON.stringify({ webhook_endpoint: endpointId }),
      payload,
      now,
    )
    .first();
  return Row.parse(row);
}

/** Makes a delivery due now, whatever has become of it; its endpoint may be disabled meanwhile, then it waits. */
export async function makeDueAgain(
  db: D1Database,
  id: string,
  now: number,
): Promise<Delivery | undefined> {
  const row = await db
    .prepare(
      "UPDATE webhook_deliveries SET status = 'pending', ended_at = NULL, next_at = " +
        "CASE (SELECT status FROM webhook_endpoints WHERE id = endpoint_id) WHEN 'enabled' THEN ?2 END " +
        `WHERE id = ?1 RETURNING ${COLUMNS}`,
    )
    .bind(id, now)
    .first();
  return row === null ? undefined : Row.parse(row);
}

/** Removes some of those that are older, with their attempts. @returns how many */
export async function removeOldDeliveries(
  db: D1Database,
  createdBefore: number,
  limit: number,
): Promise<number> {
  const old =
    "SELECT id FROM webhook_deliveries WHERE created_at < ?1 ORDER BY created_at, id LIMIT ?2";
  const [, removed] = await db.batch([
    db
      .prepare(`DELETE FROM webhook_attempts WHERE delivery_id IN (${old})`)
      .bind(createdBefore, limit),
    db.prepare(`DELETE FROM webhook_deliveries WHERE id IN (${old})`).bind(createdBefore, limit),
  ]);
  return removed?.meta.changes ?? 0;
}
