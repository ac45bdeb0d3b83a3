import { env } from "cloudflare:workers";
import { Webhook } from "standardwebhooks";
import { beforeAll, beforeEach, describe, expect, inject, it } from "vitest";

import { SecretSealer } from "../../edge/src/webhooks/secret-sealer.ts";
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
  letTimePass,
  listDeliveries,
  receivedAt,
  sendTest,
  tenantOf,
} from "./webhook-client.ts";

beforeAll(() => createApiKey());
beforeEach(() => env.DB.exec("DELETE FROM webhook_endpoints")); // a tenant may have twenty

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

  it.each(["https://10.0.0.1/", "https://169.254.169.254/", "http://hooks.example.com/"])(
    "because its URL is refused by now, %s, is not sent",
    async (url) => {
      const { id } = await endpointAt("200");
      await env.DB.prepare("UPDATE webhook_endpoints SET url = ? WHERE id = ?").bind(url, id).run();
      await sendTest(id);
      const { status, attempts } = await deliveryAfter(id, 1);
      expect(status).toBe("pending");
      expect(attempts[0]?.error).toMatch(/^its URL is refused: /);
    },
  );

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

it("a secret that does not open uses up no attempt, and sends nothing unsigned", async () => {
  const { id, name } = await endpointAt("200");
  await env.DB.prepare("UPDATE webhook_endpoints SET secret = ? WHERE id = ?")
    .bind(await new SecretSealer("another key of at least 32 characters").seal("whsec_", id), id)
    .run();
  await sendTest(id);
  const nextAt = async () => (await listDeliveries(`endpoint=${id}`)).data[0]?.next_attempt_at;
  await expect.poll(nextAt).toBeGreaterThan(Date.now() / 1000 + 30);
  expect((await listDeliveries(`endpoint=${id}`)).data).toMatchObject([
    { status: "pending", attempts: [] },
  ]);
  expect(await receivedAt(name)).toEqual([]);
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
