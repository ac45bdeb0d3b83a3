import * as z from "zod";

import type { Env } from "../env.ts";
import { createLogger } from "../observability/logger.ts";

type SenderEnv = Pick<Env, "DB" | "WEBHOOK_SENDER" | "LOG">;

/** Endpoints of one sweep; others are found by the next. */
const MAX_OVERDUE = 500;

/**
 * Has what is due for a tenant sent now. Never rejects: whoever is not woken is found by the sweep.
 */
export async function wakeSenders(env: SenderEnv, tenant: string): Promise<void> {
  try {
    const { results } = await env.DB.prepare(
      "SELECT DISTINCT endpoint_id FROM webhook_deliveries WHERE next_at <= ?2 " +
        "AND endpoint_id IN (SELECT id FROM webhook_endpoints WHERE tenant = ?1)",
    )
      .bind(tenant, Date.now())
      .all();
    await wakeAll(env, results);
  } catch (error) {
    createLogger(env.LOG).warn("webhook_wake_failed", { tenant, error });
  }
}

/** Wakes whoever should have been awake. @returns how many */
export async function wakeOverdueSenders(env: SenderEnv, now: number): Promise<number> {
  const { results } = await env.DB.prepare(
    "SELECT DISTINCT endpoint_id FROM webhook_deliveries WHERE next_at <= ? LIMIT ?",
  )
    .bind(now, MAX_OVERDUE)
    .all();
  await wakeAll(env, results);
  return results.length;
}

async function wakeAll(env: SenderEnv, rows: readonly unknown[]): Promise<void> {
  const ids = rows.map((row) => z.object({ endpoint_id: z.string() }).parse(row).endpoint_id);
  const woken = await Promise.allSettled(
    ids.map((id) => env.WEBHOOK_SENDER.getByName(id).wake(id)),
  );
  for (const result of woken) {
    if (result.status === "rejected") {
      createLogger(env.LOG).warn("webhook_wake_failed", { error: result.reason });
    }
  }
}
