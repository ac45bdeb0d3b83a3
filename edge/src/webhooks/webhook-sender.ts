import { mapConcurrently } from "@qwen3-vl/shared/map-concurrently";
import { DurableObject } from "cloudflare:workers";

import type { Env } from "../env.ts";
import { createLogger } from "../observability/logger.ts";
import { deliver } from "./deliver.ts";
import { dueDeliveryIds, nextDueAt } from "./due-deliveries.ts";

/** The platform lets an object have six connections, and one may be to the bucket. */
const AT_ONCE = 5;

/** Deliveries of one alarm: each makes three to five calls, of a thousand that an invocation may make. */
const MAX_DELIVERIES = 150;

/** The database, or something else of ours, has failed. */
const AFTER_FAILURE_MS = 15_000;

const ENDPOINT_ID = "endpointId";

/**
 * Sends the deliveries of one endpoint, which so are never sent twice at a time. What is due stands in
 * the database; the object has only its alarm.
 */
export class WebhookSender extends DurableObject<Env> {
  /** Something is due for the endpoint. */
  async wake(endpointId: string): Promise<void> {
    this.ctx.storage.kv.put(ENDPOINT_ID, endpointId);
    await this.ctx.storage.setAlarm(Date.now());
  }

  override async alarm(): Promise<void> {
    const endpointId = this.ctx.storage.kv.get<string>(ENDPOINT_ID);
    if (endpointId === undefined) {
      return;
    }
    try {
      const earliest = (await this.#sendDue(endpointId)) ? 0 : Date.now() + AFTER_FAILURE_MS;
      const next = await nextDueAt(this.env.DB, endpointId);
      await this.#wakeAt(next === undefined ? undefined : Math.max(next, earliest));
    } catch (error) {
      createLogger(this.env.LOG).error("webhook_sender_failed", { endpointId, error });
      await this.#wakeAt(Date.now() + AFTER_FAILURE_MS);
    }
  }

  /** @returns whether all went as it should: if not, what is due would be due again at once */
  async #sendDue(endpointId: string): Promise<boolean> {
    const due = { now: Date.now(), limit: MAX_DELIVERIES };
    const ids = await dueDeliveryIds(this.env.DB, endpointId, due);
    const went = await mapConcurrently(ids, AT_ONCE, (id) => this.#deliver(id));
    return !went.includes(false);
  }

  /** Resolves when nothing of it is under way any more, whatever has failed. */
  async #deliver(id: string): Promise<boolean> {
    try {
      return await deliver(this.env, id);
    } catch (error) {
      createLogger(this.env.LOG).error("webhook_attempt_failed", { deliveryId: id, error });
      return false;
    }
  }

  /** Unless it is woken before; somebody may have come while it was sending. */
  async #wakeAt(at: number | undefined): Promise<void> {
    const set = await this.ctx.storage.getAlarm();
    if (at === undefined) {
      if (set === null) {
        await this.ctx.storage.deleteAll(); // whoever makes something due wakes it by its name
      }
    } else if (set === null || set > at) {
      await this.ctx.storage.setAlarm(at);
    }
  }
}
