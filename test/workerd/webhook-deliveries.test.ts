import {
  createExecutionContext,
  createScheduledController,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import OpenAI from "openai";
import { Webhook } from "standardwebhooks";
import { beforeAll, beforeEach, describe, expect, inject, it } from "vitest";

import worker from "../../edge/src/index.ts";
import { putObject } from "../../edge/src/storage/objects.ts";
import { requireStorage } from "../../edge/src/storage/storage-settings.ts";
import { deliver } from "../../edge/src/webhooks/deliver.ts";
import { insertTestDelivery } from "../../edge/src/webhooks/deliveries-table.ts";
import { wakeSenders } from "../../edge/src/webhooks/wake-senders.ts";
import { call, createApiKey, createKey } from "./edge-client.ts";
import {
  DELIVERIES,
  ENDPOINTS,
  arrivals,
  completeJob,
  createEndpoint,
  deliveryAfter,
  endpointAt,
  eventIn,
  listDeliveries,
  receivedAt,
  sendTest,
  tenantOf,
} from "./webhook-client.ts";

beforeAll(() => createApiKey());
beforeEach(() => env.DB.exec("DELETE FROM webhook_endpoints")); // a tenant may have twenty

async function runCron(): Promise<void> {
  const context = createExecutionContext();
  worker.scheduled(createScheduledController(), env, context);
  await waitOnExecutionContext(context);
}

describe("a test event", () => {
  it("arrives signed, as standardwebhooks and OpenAI's own client verify it", async () => {
    const { id, name, secret } = await endpointAt("204");
    const delivery = await sendTest(id);
    expect(delivery).toMatchObject({ endpoint: id, type: "webhook.test", status: "pending" });
    const [arrived] = await arrivals(name, 1);
    const { headers = {}, body = "" } = arrived ?? {};
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "user-agent": "qwen3-vl-api-webhooks",
      "webhook-id": delivery.id,
    });
    const event = eventIn(body);
    expect(event).toEqual({
      id: delivery.id,
      object: "event",
      type: "webhook.test",
      created_at: delivery.created_at,
      data: { webhook_endpoint: id },
    });
    expect(new Webhook(secret).verify(body, headers)).toEqual(event);
    const { webhooks } = new OpenAI({ apiKey: "none" });
    expect(await webhooks.unwrap(body, headers, secret)).toEqual(event);
    await expect(
      webhooks.unwrap(body, headers, `whsec_${btoa("another".repeat(5))}`),
    ).rejects.toThrow(/signature/i);
  });

  it("ends as delivered, with its attempt", async () => {
    const { id } = await endpointAt("200");
    await sendTest(id);
    const delivery = await deliveryAfter(id, 1);
    expect(delivery).toMatchObject({ status: "delivered", next_attempt_at: null });
    expect(delivery.ended_at).not.toBeNull();
    expect(delivery.attempts).toMatchObject([{ number: 1, status_code: 200, error: null }]);
  });
});

describe("where the GPU worker dials (FETCH_IN=worker)", () => {
  const throughWorker = { ...env, FETCH_IN: "worker" };

  /** One attempt at what is pending, as the sender makes it. */
  async function attempt(endpointId: string, settings: object = {}) {
    const id = `evt_${crypto.randomUUID().replaceAll("-", "")}`;
    const tenant = await tenantOf(endpointId);
    const target = { id: endpointId, tenant, payload: "thin" } as const;
    await insertTestDelivery(env.DB, target, { id, now: Date.now() });
    await deliver({ ...throughWorker, ...settings }, id);
    const [delivery] = (await listDeliveries(`endpoint=${endpointId}`)).data;
    return delivery;
  }

  it("an event arrives by it, signed as ever", async () => {
    const { id, name, secret } = await endpointAt("200");
    expect(await attempt(id)).toMatchObject({ status: "delivered" });
    const [arrived] = await arrivals(name, 1);
    expect(arrived?.headers["x-sent-by"]).toBe("worker");
    expect(() =>
      new Webhook(secret).verify(arrived?.body ?? "", arrived?.headers ?? {}),
    ).not.toThrow();
  });

  it.each([
    ["503:3600", 503, "its server answered with status 503, expected 2xx"],
    ["302", 302, "its server answered with status 302, expected 2xx; redirects are not followed"],
    ["breaks", null, "its server could not be reached or broke off"],
    ["never", null, "its server did not answer within 3 s"],
    ["200&leads-inside", null, "its URL is refused: its host is not public"],
  ])("a failure is told as elsewhere: %s", async (answers, status, error) => {
    const { id } = await endpointAt(answers);
    const delivery = await attempt(id);
    expect(delivery).toMatchObject({
      status: "pending",
      attempts: [{ status_code: status, error }],
    });
    const pause = (delivery?.next_attempt_at ?? 0) - (delivery?.attempts[0]?.at ?? 0);
    expect(pause >= 3600).toBe(answers === "503:3600");
  });

  it("no attempt is used up while no worker answers; the next worker is asked first", async () => {
    const { id } = await endpointAt("200");
    const nobody = `http://127.0.0.1:${inject("closedPort")}`;
    const waiting = await attempt(id, { GPU_WORKER_URL: nobody });
    expect(waiting).toMatchObject({ status: "pending", attempts: [] });
    expect(waiting?.next_attempt_at).not.toBeNull();
    await call(`${ENDPOINTS}/${id}`, { method: "DELETE" });
    const { id: other } = await endpointAt("200");
    const workers = `${nobody} ${inject("gpuWorkerUrl")}`;
    expect(await attempt(other, { GPU_WORKER_URL: workers })).toMatchObject({
      status: "delivered",
    });
  });
});

describe("redelivery", () => {
  it("sends the same id and bytes again, as another attempt", async () => {
    const { id, name } = await endpointAt("200");
    await sendTest(id);
    const before = await deliveryAfter(id, 1);
    const again = await call(`${DELIVERIES}/${before.id}/redeliver`, { method: "POST" });
    expect(await again.json()).toMatchObject({ id: before.id, status: "pending", ended_at: null });
    const delivery = await deliveryAfter(id, 2);
    expect(delivery.status).toBe("delivered");
    expect(delivery.attempts.map(({ number }) => number)).toEqual([1, 2]);
    const [first, second] = await arrivals(name, 2);
    expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
    expect(second?.body).toBe(first?.body);
  });
});

describe("a job's event", () => {
  it("tells the job, and with the payload `full` its result out of the bucket", async () => {
    const key = "sk-full";
    await createKey(key, {});
    const thin = await createEndpoint({ url: hookUrl("thin") }, key);
    await createEndpoint({ url: hookUrl("full"), payload: "full" }, key);
    await createEndpoint({ url: hookUrl("other"), events: ["job.failed"] }, key);
    const tenant = await tenantOf(thin.id);
    const result = { object: "chat.completion", choices: [{ message: { content: "Körbe 🧺" } }] };
    const body = Uint8Array.from(new TextEncoder().encode(JSON.stringify(result)));
    await putObject(requireStorage(env), "results/full", { body, type: "application/json" });
    const jobId = await completeJob(tenant, "results/full");
    await wakeSenders(env, tenant);
    const job = { id: jobId, object: "job", status: "completed" };
    const [thinEvent] = await arrivals("thin", 1);
    expect(eventIn(thinEvent?.body ?? "")).toMatchObject({ type: "job.completed" });
    expect(eventIn(thinEvent?.body ?? "").data).toEqual(job);
    const [fullEvent] = await arrivals("full", 1);
    expect(eventIn(fullEvent?.body ?? "").data).toEqual({ ...job, result });
    expect(await receivedAt("other")).toEqual([]);
  });

  it.each([
    ["is no longer kept", 0],
    ["has more than 8 MiB", 8 * 2 ** 20 + 1],
  ])("is sent without a result that %s", async (_, bytes) => {
    const key = `sk-without-${bytes}`;
    await createKey(key, {});
    const { id } = await createEndpoint({ url: hookUrl(key), payload: "full" }, key);
    if (bytes > 0) {
      const body = new Uint8Array(bytes).fill(0x20);
      await putObject(requireStorage(env), `results/${bytes}`, { body, type: "application/json" });
    }
    const tenant = await tenantOf(id);
    await completeJob(tenant, `results/${bytes}`);
    await wakeSenders(env, tenant);
    const [event] = await arrivals(key, 1);
    expect(eventIn(event?.body ?? "").data["result"]).toBeNull();
  });
});

const hookUrl = (name: string) => `${inject("webhookReceiverUrl")}/hook/${name}`;

describe("the sweep", () => {
  it("wakes a sender that nobody has woken, as after a crash", async () => {
    const { id, name } = await endpointAt("200", { events: ["job.completed"] });
    await completeJob(await tenantOf(id), null);
    await runCron();
    await arrivals(name, 1);
    expect((await deliveryAfter(id, 1)).status).toBe("delivered");
  });

  it("removes deliveries of more than thirty days with their attempts", async () => {
    const { id } = await endpointAt("200");
    await sendTest(id);
    const { id: deliveryId } = await deliveryAfter(id, 1);
    await env.DB.prepare("UPDATE webhook_deliveries SET created_at = ? WHERE id = ?")
      .bind(Date.now() - 31 * 86_400_000, deliveryId)
      .run();
    await runCron();
    expect((await listDeliveries(`endpoint=${id}`)).data).toEqual([]);
    const attempts = env.DB.prepare("SELECT * FROM webhook_attempts WHERE delivery_id = ?");
    expect((await attempts.bind(deliveryId).all()).results).toEqual([]);
  });
});

it("many deliveries of one endpoint all arrive, each once", async () => {
  const { id, name } = await endpointAt("200", { events: ["job.completed"] });
  const tenant = await tenantOf(id);
  await Promise.all(Array.from({ length: 40 }, () => completeJob(tenant, null)));
  await Promise.all(Array.from({ length: 5 }, () => wakeSenders(env, tenant)));
  const received = await arrivals(name, 40);
  expect(new Set(received.map(({ headers }) => headers["webhook-id"])).size).toBe(40);
});
