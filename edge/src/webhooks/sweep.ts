import type { Env } from "../env.ts";
import { removeOldDeliveries } from "./deliveries-table.ts";
import { wakeOverdueSenders } from "./wake-senders.ts";

/** Ten times as long as a delivery is tried. */
const KEPT_MS = 30 * 86_400_000;

/** Rows removed together, and how often in one sweep. */
const BATCH = 500;
const MAX_BATCHES = 20;

export interface SweptWebhooks {
  woken: number;
  removed: number;
}

/** Wakes whoever should be sending, and removes what is too old to be asked for. */
export async function sweepWebhooks(env: Env, now: number): Promise<SweptWebhooks> {
  const woken = await wakeOverdueSenders(env, now);
  let removed = 0;
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    const removedNow = await removeOldDeliveries(env.DB, now - KEPT_MS, BATCH);
    removed += removedNow;
    if (removedNow < BATCH) {
      break;
    }
  }
  return { woken, removed };
}
