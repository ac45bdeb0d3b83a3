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
import { wakeSenders } from "../../edge/src/webhooks/wake-senders.ts";
import { call, createApiKey, createKey, failureOf } from "./edge-client.ts";
import {
  DELIVERIES,
  ENDPOINTS,
  arrivals,
  change,
  completeJob,
  createEndpoint,
  deliveryAfter,
  endpointAt,
  endpointNow,
  eventIn,
  letTimePass,
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

describe("a delivery that fails", () => {
  it.each([
    ["500", 500, /status 500, expected 2xx$/],
    ["404", 404, /status 404/],
    ["301", 301, /status 301, expected 2xx; redirects are not followed/],
    ["304", 304, /status 304/],
    ["307", 307, /redirects are not followed/],
    ["breaks", null, /^its server could not be reached or broke off$/],
    ["never", null, /^its server did not answer within 3 s$/],
    ["drips", null, /^its server did not answer within 3 s$/],
  ])("by %s is tried again, with one id and the same bytes", async (answer, status, error) => {
    const { id, name, secret } = await endpointAt(`${answer},200`);
    await sendTest(id);
    const failed = await deliveryAfter(id, 1);
    expect(failed).toMatchObject({ status: "pending", ended_at: null });
    expect(failed.attempts).toMatchObject([{ number: 1, status_code: status }]);
    expect(failed.attempts[0]?.error).toMatch(error);
    expect(failed.next_attempt_at).toBeGreaterThanOrEqual((failed.attempts[0]?.at ?? 0) + 5);
    expect((await endpointNow(id)).failing_since).not.toBeNull();

    await letTimePass(id);
    const delivered = await deliveryAfter(id, 2);
    expect(delivered).toMatchObject({ status: "delivered", attempts: [{}, { status_code: 200 }] });
    expect((await endpointNow(id)).failing_since).toBeNull();
    const [first, second] = await arrivals(name, 2);
    expect(second?.headers["webhook-id"]).toBe(first?.headers["webhook-id"]);
    expect(second?.body).toBe(first?.body);
    for (const { body, headers } of [first, second].filter((each) => each !== undefined)) {
      expect(() => new Webhook(secret).verify(body, headers)).not.toThrow();
    }
    expect(await receivedAt("redirected")).toEqual([]);
  });

  it("because nobody listens is tried again, without saying where it was dialled", async () => {
    const url = `http://127.0.0.1:${inject("closedPort")}/`;
    const { id } = await createEndpoint({ url });
    await sendTest(id);
    const { attempts } = await deliveryAfter(id, 1);
    expect(attempts[0]?.error).toBe("its server could not be reached or broke off");
  });

  it.each(["429", "503"])("by %s waits as long as Retry-After says", async (status) => {
    const { id } = await endpointAt(`${status}:3600`);
    await sendTest(id);
    const { next_attempt_at: next, attempts } = await deliveryAfter(id, 1);
    expect((next ?? 0) - (attempts[0]?.at ?? 0)).toBeGreaterThanOrEqual(3600);
  });

  it("by another status does not", async () => {
    const { id } = await endpointAt("500:3600");
    await sendTest(id);
    const { next_attempt_at: next, attempts } = await deliveryAfter(id, 1);
    expect((next ?? 0) - (attempts[0]?.at ?? 0)).toBeLessThan(60);
  });

  it("at its tenth attempt is given up, and goes once more when its owner says so", async () => {
    const { id } = await endpointAt("500,500,200");
    const { id: deliveryId } = await sendTest(id);
    await deliveryAfter(id, 1);
    await env.DB.prepare("UPDATE webhook_deliveries SET attempts = 9 WHERE endpoint_id = ?")
      .bind(id)
      .run();
    await letTimePass(id);
    const failed = await deliveryAfter(id, 2);
    expect(failed).toMatchObject({ status: "failed", next_attempt_at: null });
    expect(failed.attempts[1]?.number).toBe(10);
    await call(`${DELIVERIES}/${deliveryId}/redeliver`, { method: "POST" });
    expect(await deliveryAfter(id, 3)).toMatchObject({ status: "delivered" });
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

describe("an endpoint is disabled", () => {
  it("by 410: it says why, nothing is sent, and what waits goes on when it is enabled", async () => {
    const { id, name } = await endpointAt("410,200");
    const { id: deliveryId } = await sendTest(id);
    expect(await deliveryAfter(id, 1)).toMatchObject({ status: "pending", next_attempt_at: null });
    const disabled = await endpointNow(id);
    expect(disabled.status).toBe("disabled");
    expect(disabled.disabled_reason).toBe("Its server answered 410 Gone.");
    for (const path of [`${ENDPOINTS}/${id}/test`, `${DELIVERIES}/${deliveryId}/redeliver`]) {
      const refused = await failureOf(await call(path, { method: "POST" }));
      expect(refused).toMatchObject({ status: 409, code: "conflict" });
    }
    expect(await change(id, { status: "enabled" })).toMatchObject({
      status: "enabled",
      disabled_reason: null,
      failing_since: null,
    });
    expect((await deliveryAfter(id, 2)).status).toBe("delivered");
    await arrivals(name, 2);
  });

  it("after five days in which nothing has succeeded; events that come meanwhile wait", async () => {
    const key = "sk-five-days";
    await createKey(key, {});
    const { id } = await createEndpoint({ url: `http://127.0.0.1:${inject("closedPort")}/` }, key);
    await env.DB.prepare("UPDATE webhook_endpoints SET failing_since = ? WHERE id = ?")
      .bind(Date.now() - 5 * 86_400_000, id)
      .run();
    const tenant = await tenantOf(id);
    await completeJob(tenant, null);
    await wakeSenders(env, tenant);
    const show = async () => (await call(`${ENDPOINTS}/${id}`, { key })).json();
    await expect.poll(show).toMatchObject({
      status: "disabled",
      disabled_reason: expect.stringContaining("No delivery has succeeded for five days"),
    });
    await completeJob(tenant, null);
    const waiting = await env.DB.prepare(
      "SELECT status, next_at FROM webhook_deliveries WHERE endpoint_id = ?",
    )
      .bind(id)
      .all();
    expect(waiting.results).toEqual([
      { status: "pending", next_at: null },
      { status: "pending", next_at: null },
    ]);
  });

  it("by its owner: what is pending waits, and nothing new is made for it", async () => {
    const { id, name } = await endpointAt("500,200");
    await sendTest(id);
    await deliveryAfter(id, 1);
    await change(id, { status: "disabled" });
    await completeJob(await tenantOf(id), null);
    const { data } = await listDeliveries(`endpoint=${id}`);
    expect(data).toMatchObject([{ status: "pending", next_attempt_at: null }]);
    await change(id, { status: "enabled" });
    expect((await deliveryAfter(id, 2)).status).toBe("delivered");
    await arrivals(name, 2);
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

  it("is sent without a result that is no longer kept", async () => {
    const key = "sk-gone";
    await createKey(key, {});
    const { id } = await createEndpoint({ url: hookUrl("gone"), payload: "full" }, key);
    const tenant = await tenantOf(id);
    await completeJob(tenant, "results/no-such-object");
    await wakeSenders(env, tenant);
    const [event] = await arrivals("gone", 1);
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
