import { DurableObject } from "cloudflare:workers";

import type { Env } from "../env.ts";

/** Sends the deliveries of one endpoint; what is due stands in the database. */
export class WebhookSender extends DurableObject<Env> {
  /** Something is due for the endpoint. */
  async wake(endpointId: string): Promise<void> {
    this.ctx.storage.kv.put("endpointId", endpointId);
    await this.ctx.storage.setAlarm(Date.now());
  }

  override async alarm(): Promise<void> {}
}
