import { WebhookEventType } from "@qwen3-vl/shared/webhooks";
import type { ChangeWebhookEndpoint } from "@qwen3-vl/shared/webhooks";
import * as z from "zod";

import type { Endpoint } from "./endpoint.ts";

/** Each event becomes a delivery for each of them. */
export const MAX_ENDPOINTS = 20;

const Row = z
  .object({
    id: z.string(),
    tenant: z.string(),
    url: z.string(),
    description: z.string(),
    events: z.string(),
    payload: z.enum(["thin", "full"]),
    secret: z.string(),
    previous_secret: z.string().nullable(),
    previous_expires_at: z.int().nullable(),
    status: z.enum(["enabled", "disabled"]),
    disabled_reason: z.string().nullable(),
    failing_since: z.int().nullable(),
    created_at: z.int(),
    updated_at: z.int(),
  })
  .transform((row): Endpoint => ({
    id: row.id,
    tenant: row.tenant,
    url: row.url,
    description: row.description,
    events: z.array(WebhookEventType).parse(JSON.parse(row.events)),
    payload: row.payload,
    secret: row.secret,
    previousSecret: row.previous_secret,
    previousExpiresAt: row.previous_expires_at,
    status: row.status,
    disabledReason: row.disabled_reason,
    failingSince: row.failing_since,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }));

const rowOf = (row: unknown) => (row === null ? undefined : Row.parse(row));

export interface NewEndpoint extends Pick<
  Endpoint,
  "id" | "tenant" | "url" | "description" | "events" | "payload" | "secret"
> {
  apiKeyId: string;
}

/** @returns undefined when the tenant has as many as it may have: nothing is stored */
export async function insertEndpoint(
  db: D1Database,
  endpoint: NewEndpoint,
  now: number,
): Promise<Endpoint | undefined> {
  const { id, tenant, apiKeyId, url, description, events, payload, secret } = endpoint;
  const row = await db
    .prepare(
      "INSERT INTO webhook_endpoints (id, tenant, api_key_id, url, description, events, payload, secret, status, created_at, updated_at) " +
        "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'enabled', ?9, ?9 " +
        "WHERE (SELECT COUNT(*) FROM webhook_endpoints WHERE tenant = ?2) < ?10 RETURNING *",
    )
    .bind(
      id,
      tenant,
      apiKeyId,
      url,
      description,
      JSON.stringify(events),
      payload,
      secret,
      now,
      MAX_ENDPOINTS,
    )
    .first();
  return rowOf(row);
}

/** A tenant's own endpoint. */
export async function findOwnEndpoint(
  db: D1Database,
  tenant: string,
  id: string,
): Promise<Endpoint | undefined> {
  const query = db.prepare("SELECT * FROM webhook_endpoints WHERE tenant = ? AND id = ?");
  return rowOf(await query.bind(tenant, id).first());
}

export interface EndpointListing {
  limit: number;
  order: "asc" | "desc";
  /** The list begins behind it. */
  after: Endpoint | undefined;
}

/** In order of creation. */
export async function listEndpoints(
  db: D1Database,
  tenant: string,
  { limit, order, after }: EndpointListing,
): Promise<Endpoint[]> {
  const sign = order === "asc" ? ">" : "<";
  const { results } = await db
    .prepare(
      "SELECT * FROM webhook_endpoints WHERE tenant = ?1 " +
        `AND (?2 IS NULL OR (created_at, id) ${sign} (?2, ?3)) ` +
        `ORDER BY created_at ${order}, id ${order} LIMIT ?4`,
    )
    .bind(tenant, after?.createdAt ?? null, after?.id ?? null, limit)
    .all();
  return z.array(Row).parse(results);
}

/**
 * What is not said stays. Enabling forgets why it was disabled and that it failed, and what waits
 * becomes due; disabling lets what is pending wait.
 */
export async function changeEndpoint(
  db: D1Database,
  id: string,
  { url, events, description, payload, status }: ChangeWebhookEndpoint,
  now: number,
): Promise<Endpoint | undefined> {
  const change = db
    .prepare(
      "UPDATE webhook_endpoints SET url = COALESCE(?2, url), events = COALESCE(?3, events), " +
        "description = COALESCE(?4, description), payload = COALESCE(?5, payload), " +
        "status = COALESCE(?6, status), " +
        "disabled_reason = CASE WHEN ?6 IS NULL THEN disabled_reason END, " +
        "failing_since = CASE WHEN ?6 IS NULL THEN failing_since END, " +
        "updated_at = ?7 WHERE id = ?1 RETURNING *",
    )
    .bind(
      id,
      url ?? null,
      events === undefined ? null : JSON.stringify(events),
      description ?? null,
      payload ?? null,
      status ?? null,
      now,
    );
  const waiting = status === undefined ? [] : [waitOrGoOn(db, id, status, now)];
  const [changed] = await db.batch([change, ...waiting]);
  return rowOf(changed?.results[0] ?? null);
}

/** Disables it for what its receiver did; what is pending waits. */
export function disableEndpoint(
  db: D1Database,
  id: string,
  reason: string,
  now: number,
): D1PreparedStatement[] {
  return [
    db
      .prepare(
        "UPDATE webhook_endpoints SET status = 'disabled', disabled_reason = ?2, updated_at = ?3 " +
          "WHERE id = ?1 AND status = 'enabled'",
      )
      .bind(id, reason, now),
    waitOrGoOn(db, id, "disabled", now),
  ];
}

function waitOrGoOn(
  db: D1Database,
  endpointId: string,
  status: Endpoint["status"],
  now: number,
): D1PreparedStatement {
  return status === "enabled"
    ? db
        .prepare(
          "UPDATE webhook_deliveries SET next_at = ?2 WHERE endpoint_id = ?1 AND status = 'pending' AND next_at IS NULL",
        )
        .bind(endpointId, now)
    : db
        .prepare(
          "UPDATE webhook_deliveries SET next_at = NULL WHERE endpoint_id = ?1 AND next_at IS NOT NULL",
        )
        .bind(endpointId);
}

/** @param rotation the new secret, sealed, and until when the one before it signs as well */
export async function rotateSecret(
  db: D1Database,
  id: string,
  rotation: { secret: string; previousExpiresAt: number },
  now: number,
): Promise<Endpoint | undefined> {
  const row = await db
    .prepare(
      "UPDATE webhook_endpoints SET previous_secret = secret, previous_expires_at = ?3, secret = ?2, updated_at = ?4 " +
        "WHERE id = ?1 RETURNING *",
    )
    .bind(id, rotation.secret, rotation.previousExpiresAt, now)
    .first();
  return rowOf(row);
}

/** With its deliveries. */
export async function deleteEndpoint(db: D1Database, id: string): Promise<void> {
  await db.batch([
    db
      .prepare(
        "DELETE FROM webhook_attempts WHERE delivery_id IN (SELECT id FROM webhook_deliveries WHERE endpoint_id = ?)",
      )
      .bind(id),
    db.prepare("DELETE FROM webhook_deliveries WHERE endpoint_id = ?").bind(id),
    db.prepare("DELETE FROM webhook_endpoints WHERE id = ?").bind(id),
  ]);
}
