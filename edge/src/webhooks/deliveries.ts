import type { JobEventType } from "@qwen3-vl/shared/jobs";

/** What is to be told, and to whom. */
export interface JobEvent {
  tenant: string;
  type: JobEventType;
  jobId: string;
  /** The one endpoint that is told; null for all of the tenant. */
  endpointId: string | null;
  /** The job's summary, which becomes JSON. */
  data: unknown;
  /** Milliseconds since 1970. */
  now: number;
}

/**
 * Makes a delivery for each endpoint whose filter has the event – if the statement directly before it
 * in the same `db.batch` has changed something. So what is told and that it is told become true
 * together, and once.
 *
 * An endpoint that its owner has disabled is told nothing; for one that was disabled because it failed,
 * deliveries are made that wait until it is enabled again.
 */
export function deliveriesOf(db: D1Database, event: JobEvent): D1PreparedStatement {
  const { tenant, type, jobId, endpointId, data, now } = event;
  return db
    .prepare(
      "INSERT INTO webhook_deliveries (id, endpoint_id, tenant, type, job_id, data, payload, status, next_at, created_at) " +
        `SELECT ${NEW_DELIVERY_ID}, id, tenant, ?2, ?3, ?5, payload, 'pending', ` +
        "CASE status WHEN 'enabled' THEN ?6 END, ?6 FROM webhook_endpoints " +
        "WHERE changes() > 0 AND tenant = ?1 AND (?4 IS NULL OR id = ?4) " +
        "AND (status = 'enabled' OR disabled_reason IS NOT NULL) " +
        "AND EXISTS (SELECT 1 FROM json_each(events) WHERE value = ?2)",
    )
    .bind(tenant, type, jobId, endpointId, JSON.stringify(data), now);
}

/** One for each row that a statement makes. */
const NEW_DELIVERY_ID = "'evt_' || lower(hex(randomblob(16)))";
