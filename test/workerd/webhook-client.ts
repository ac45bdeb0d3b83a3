import {
  WebhookDelivery,
  WebhookDeliveryList,
  WebhookEndpoint,
  WebhookEndpointWithSecret,
  WebhookEvent,
} from "@qwen3-vl/shared/webhooks";
import { env } from "cloudflare:workers";
import { expect, inject } from "vitest";
import * as z from "zod";

import { deliveriesOf } from "../../edge/src/webhooks/deliveries.ts";
import { wakeSenders } from "../../edge/src/webhooks/wake-senders.ts";
import { call } from "./edge-client.ts";

export const ENDPOINTS = "/v1/webhook_endpoints";
export const DELIVERIES = "/v1/webhook_deliveries";

/** A place of the receiver that nobody else uses; `answers` as `fakes/webhook-receiver.ts` reads them. */
function hook(answers = "200"): { name: string; url: string } {
  const name = crypto.randomUUID();
  return { name, url: `${inject("webhookReceiverUrl")}/hook/${name}?answers=${answers}` };
}

const Received = z.array(z.object({ headers: z.record(z.string(), z.string()), body: z.string() }));

export async function receivedAt(name: string) {
  const answer = await fetch(`${inject("webhookReceiverUrl")}/received/${name}`);
  return Received.parse(await answer.json());
}

/** What came, once so many have come. */
export async function arrivals(name: string, count: number) {
  await expect.poll(async () => (await receivedAt(name)).length).toBe(count);
  return receivedAt(name);
}

export const eventIn = (body: string): WebhookEvent => WebhookEvent.parse(JSON.parse(body));

export async function createEndpoint(settings: object, key?: string) {
  const sent = { json: settings, ...(key === undefined ? {} : { key }) };
  return z
    .strictObject(WebhookEndpointWithSecret.shape)
    .parse(await (await call(ENDPOINTS, sent)).json());
}

/** An endpoint at a place of its own. */
export async function endpointAt(answers: string, settings: object = {}) {
  const { name, url } = hook(answers);
  return { name, ...(await createEndpoint({ url, ...settings })) };
}

export async function endpointNow(id: string): Promise<WebhookEndpoint> {
  return z
    .strictObject(WebhookEndpoint.shape)
    .parse(await (await call(`${ENDPOINTS}/${id}`)).json());
}

export async function change(id: string, settings: object): Promise<WebhookEndpoint> {
  const answer = await call(`${ENDPOINTS}/${id}`, { method: "PATCH", json: settings });
  return WebhookEndpoint.parse(await answer.json());
}

export async function sendTest(endpointId: string): Promise<WebhookDelivery> {
  const answer = await call(`${ENDPOINTS}/${endpointId}/test`, { method: "POST" });
  return z.strictObject(WebhookDelivery.shape).parse(await answer.json());
}

export async function listDeliveries(query: string): Promise<WebhookDeliveryList> {
  return WebhookDeliveryList.parse(await (await call(`${DELIVERIES}?${query}`)).json());
}

/** The only delivery of an endpoint, once so many attempts have been made. */
export async function deliveryAfter(
  endpointId: string,
  attempts: number,
): Promise<WebhookDelivery> {
  const find = async () => (await listDeliveries(`endpoint=${endpointId}`)).data[0];
  await expect.poll(async () => (await find())?.attempts.length).toBe(attempts);
  return WebhookDelivery.parse(await find());
}

/** As if the time of the next attempt had come. */
export async function letTimePass(endpointId: string): Promise<void> {
  const { tenant } = z
    .object({ tenant: z.string() })
    .parse(
      await env.DB.prepare(
        "UPDATE webhook_deliveries SET next_at = 0 WHERE endpoint_id = ? AND next_at IS NOT NULL RETURNING tenant",
      )
        .bind(endpointId)
        .first(),
    );
  await wakeSenders(env, tenant);
}

export async function tenantOf(endpointId: string): Promise<string> {
  const row = await env.DB.prepare("SELECT tenant FROM webhook_endpoints WHERE id = ?")
    .bind(endpointId)
    .first();
  return z.object({ tenant: z.string() }).parse(row).tenant;
}

/** Completes a job as the Workflow does; its senders are not woken. */
export async function completeJob(tenant: string, resultKey: string | null): Promise<string> {
  const id = `job_${crypto.randomUUID().replaceAll("-", "")}`;
  const now = Date.now();
  await env.DB.batch([
    env.DB.prepare(
      "INSERT INTO jobs (id, tenant, api_key_id, status, model, priority, video_strategy, metadata, request_key, result_key, progress, origin, created_at, touched_at) " +
        "VALUES (?, ?, 'key', 'completed', 'm', 'batch', 'whole', '{}', 'r', ?, '{}', 'o', ?, ?)",
    ).bind(id, tenant, resultKey, now, now),
    deliveriesOf(env.DB, {
      tenant,
      type: "job.completed",
      jobId: id,
      endpointId: null,
      data: { id, object: "job", status: "completed" },
      now,
    }),
  ]);
  return id;
}
