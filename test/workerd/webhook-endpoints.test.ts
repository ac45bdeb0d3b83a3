import { WebhookEndpoint, WebhookEndpointList } from "@qwen3-vl/shared/webhooks";
import { env } from "cloudflare:workers";
import { Webhook } from "standardwebhooks";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";

import { createApp } from "../../edge/src/app.ts";
import { API_KEY, call, createApiKey, createKey, failureOf } from "./edge-client.ts";
import {
  DELIVERIES,
  ENDPOINTS,
  arrivals,
  change,
  createEndpoint,
  deliveryAfter,
  endpointAt,
  endpointNow,
  letTimePass,
  sendTest,
} from "./webhook-client.ts";

const URL_OF = "https://hooks.example.com/qwen";
const OTHER_KEY = "sk-other-owner";

beforeAll(async () => {
  await createApiKey();
  await createKey(OTHER_KEY, { owner: "other" });
});

async function refusalOf(path: string, json: unknown, method = "POST") {
  return failureOf(await call(path, { method, json }));
}

const base64 = (bytes: number) => btoa("k".repeat(bytes));

describe("a new endpoint", () => {
  it("is told all ends and no progress, gets a secret, and shows it once", async () => {
    const made = await createEndpoint({ url: URL_OF });
    expect(made).toMatchObject({
      object: "webhook_endpoint",
      url: URL_OF,
      events: ["job.completed", "job.failed", "job.cancelled", "job.expired"],
      description: "",
      payload: "thin",
      status: "enabled",
      disabled_reason: null,
      failing_since: null,
      previous_secret_expires_at: null,
    });
    expect(made.id).toMatch(/^we_[\da-f]{32}$/);
    expect(made.secret).toMatch(/^whsec_[A-Za-z\d+/]{43}=$/);
    const { secret: _shown, ...shown } = made;
    expect(await endpointNow(made.id)).toEqual(shown);
    expect(await (await call(ENDPOINTS)).text()).not.toContain("whsec_");
    const stored = await env.DB.prepare("SELECT secret FROM webhook_endpoints WHERE id = ?")
      .bind(made.id)
      .first();
    expect(JSON.stringify(stored)).not.toContain(made.secret.slice(10, 30));
  });

  it("may bring its own secret and say what it wants", async () => {
    const settings = {
      url: URL_OF,
      events: ["job.progress", "job.failed", "job.progress"],
      description: "Körbe",
      payload: "full",
    };
    const secret = `whsec_${base64(64)}`;
    const made = await createEndpoint({ ...settings, secret });
    expect(made).toMatchObject({ ...settings, events: ["job.progress", "job.failed"], secret });
  });

  it.each([
    ["no URL", {}, "url"],
    ["an unknown event", { url: URL_OF, events: ["job.finished"] }, "events.0"],
    ["no event", { url: URL_OF, events: [] }, "events"],
    ["another payload", { url: URL_OF, payload: "fat" }, "payload"],
    ["an unknown field", { url: URL_OF, secrets: 1 }, "secrets"],
    ["an empty secret", { url: URL_OF, secret: "" }, "secret"],
    ["a secret of no bytes", { url: URL_OF, secret: "whsec_" }, "secret"],
    ["a secret of 23 bytes", { url: URL_OF, secret: `whsec_${base64(23)}` }, "secret"],
    ["a secret of 65 bytes", { url: URL_OF, secret: `whsec_${base64(65)}` }, "secret"],
    ["a URL of this network", { url: "https://10.0.0.1/" }, "url"],
    ["the metadata of a cloud", { url: "https://169.254.169.254/latest" }, "url"],
    ["this machine by number", { url: "https://2130706433/" }, "url"],
    ["http", { url: "http://hooks.example.com/" }, "url"],
    ["data", { url: "data:text/plain,hi" }, "url"],
    ["a user and password", { url: "https://a:b@hooks.example.com/" }, "url"],
    ["an endless URL", { url: `https://hooks.example.com/${"a".repeat(3000)}` }, "url"],
  ])("is refused with %s, of which no secret is quoted", async (_, settings, param) => {
    const { status, code, message, ...failure } = await refusalOf(ENDPOINTS, settings);
    expect({ status, code, param: failure.param }).toEqual({
      status: 400,
      code: "invalid_request",
      param,
    });
    expect(message).not.toContain(base64(12));
  });

  it("is refused beyond twenty, also when they come together", async () => {
    const key = "sk-twenty";
    await createKey(key, { owner: "twenty" });
    const answers = await Promise.all(
      Array.from({ length: 24 }, () => call(ENDPOINTS, { key, json: { url: URL_OF } })),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(20);
    expect(statuses.filter((status) => status === 409)).toHaveLength(4);
    const { data, has_more: hasMore } = WebhookEndpointList.parse(
      await (await call(`${ENDPOINTS}?limit=8&order=asc`, { key })).json(),
    );
    expect([data.length, hasMore]).toEqual([8, true]);
    const rest = `${ENDPOINTS}?limit=100&order=asc&after=${data.at(-1)?.id}`;
    const next = WebhookEndpointList.parse(await (await call(rest, { key })).json());
    expect([next.data.length, next.has_more]).toEqual([12, false]);
    expect(next.data.map(({ id }) => id)).not.toContain(data[0]?.id);
  });
});

describe("changing an endpoint", () => {
  it("changes what is said and nothing else", async () => {
    const { secret: _, ...made } = await createEndpoint({ url: URL_OF, description: "a" });
    const settings = { url: "https://hooks.example.com/other", events: ["job.failed"] };
    expect(await change(made.id, settings)).toEqual({
      ...made,
      ...settings,
      updated_at: expect.any(Number),
    });
  });

  it.each([
    [{ url: "https://localhost/" }, "url"],
    [{ status: "paused" }, "status"],
    [{ secret: `whsec_${base64(32)}` }, "secret"],
    [{ events: "job.failed" }, "events"],
  ])("to %j is refused", async (settings, param) => {
    const { id } = await createEndpoint({ url: URL_OF });
    const refused = await refusalOf(`${ENDPOINTS}/${id}`, settings, "PATCH");
    expect(refused).toMatchObject({ status: 400, param });
    expect((await endpointNow(id)).url).toBe(URL_OF);
    await call(`${ENDPOINTS}/${id}`, { method: "DELETE" });
  });
});

describe("a rotated secret", () => {
  it("signs together with the one before for a while, then alone", async () => {
    const { id, name, secret: first } = await endpointAt("500");
    const rotate = (json?: unknown) =>
      call(`${ENDPOINTS}/${id}/rotate_secret`, { method: "POST", ...(json ? { json } : {}) });
    const rotated = z
      .looseObject({ secret: z.string(), ...WebhookEndpoint.shape })
      .parse(await (await rotate()).json());
    const inADay = Date.now() / 1000 + 86_400;
    expect(Math.abs((rotated.previous_secret_expires_at ?? 0) - inADay)).toBeLessThan(60);
    expect(rotated.secret).not.toBe(first);
    await sendTest(id);
    const [both] = await arrivals(name, 1);
    for (const secret of [first, rotated.secret]) {
      expect(() => new Webhook(secret).verify(both?.body ?? "", both?.headers ?? {})).not.toThrow();
    }
    expect(both?.headers["webhook-signature"]?.split(" ")).toHaveLength(2);

    await rotate({ overlap_seconds: 0, secret: `whsec_${base64(24)}` });
    expect((await endpointNow(id)).previous_secret_expires_at).toBeNull();
    await deliveryAfter(id, 1);
    await letTimePass(id);
    const [, alone] = await arrivals(name, 2);
    expect(alone?.headers["webhook-signature"]?.split(" ")).toHaveLength(1);
    const verified = () => new Webhook(base64(24)).verify(alone?.body ?? "", alone?.headers ?? {});
    expect(verified).not.toThrow();
  });

  it.each([
    [{ overlap_seconds: 604_801 }, "overlap_seconds"],
    [{ overlap_seconds: -1 }, "overlap_seconds"],
    [{ secret: "whsec_" }, "secret"],
  ])("is refused with %j", async (settings, param) => {
    const { id } = await createEndpoint({ url: URL_OF });
    const refused = await refusalOf(`${ENDPOINTS}/${id}/rotate_secret`, settings);
    expect(refused).toMatchObject({ status: 400, param });
    await call(`${ENDPOINTS}/${id}`, { method: "DELETE" });
  });
});

describe("list E: another tenant's endpoints and deliveries", () => {
  it("are not there, and are left as they are", async () => {
    const { id } = await endpointAt("200");
    await sendTest(id);
    const delivery = await deliveryAfter(id, 1);
    const calls: [string, string, unknown?][] = [
      ["GET", `${ENDPOINTS}/${id}`],
      ["PATCH", `${ENDPOINTS}/${id}`, { status: "disabled" }],
      ["DELETE", `${ENDPOINTS}/${id}`],
      ["POST", `${ENDPOINTS}/${id}/rotate_secret`],
      ["POST", `${ENDPOINTS}/${id}/test`],
      ["GET", `${ENDPOINTS}?after=${id}`],
      ["GET", `${DELIVERIES}?after=${delivery.id}`],
      ["GET", `${DELIVERIES}/${delivery.id}`],
      ["POST", `${DELIVERIES}/${delivery.id}/redeliver`],
    ];
    for (const [method, path, json] of calls) {
      const sent = { method, key: OTHER_KEY, ...(json === undefined ? {} : { json }) };
      const failure = await failureOf(await call(path, sent));
      expect(failure, `${method} ${path}`).toMatchObject({ status: 404, code: "not_found" });
    }
    const listed = await call(`${DELIVERIES}?endpoint=${id}`, { key: OTHER_KEY });
    expect(await listed.json()).toMatchObject({ data: [] });
    expect((await endpointNow(id)).status).toBe("enabled");
    expect(await (await call(`${DELIVERIES}/${delivery.id}`)).json()).toEqual(delivery);
  });

  it.each(["'%20OR%201=1", "%25", "we_%25", "..%2ffiles", "we_"])(
    "are not found by the id %s either",
    async (id) => {
      expect((await call(`${ENDPOINTS}/${id}`)).status).toBe(404);
      expect((await call(`${DELIVERIES}?endpoint=${id}`)).status).toBe(200);
    },
  );
});

describe("deliveries", () => {
  it("are listed by endpoint, status and job, page by page", async () => {
    const { id } = await endpointAt("200");
    for (let n = 0; n < 3; n++) {
      await sendTest(id);
    }
    const page = async (query: string) =>
      z
        .object({ data: z.array(z.object({ id: z.string() })), has_more: z.boolean() })
        .parse(await (await call(`${DELIVERIES}?endpoint=${id}&${query}`)).json());
    await expect.poll(async () => (await page("status=delivered")).data.length).toBe(3);
    expect((await page("status=pending")).data).toEqual([]);
    expect((await page(`job=job_${"0".repeat(32)}`)).data).toEqual([]);
    const first = await page("limit=2");
    const second = await page(`limit=2&after=${first.data.at(-1)?.id}`);
    expect([first.has_more, second.has_more]).toEqual([true, false]);
    expect(new Set([...first.data, ...second.data].map((each) => each.id)).size).toBe(3);
    const refused = await failureOf(await call(`${DELIVERIES}?status=lost`));
    expect(refused).toMatchObject({ status: 400, param: "status" });
  });
});

it("an endpoint that is deleted takes its deliveries along", async () => {
  const { id } = await endpointAt("500");
  await sendTest(id);
  await deliveryAfter(id, 1);
  const deleted = await call(`${ENDPOINTS}/${id}`, { method: "DELETE" });
  expect(await deleted.json()).toEqual({ id, object: "webhook_endpoint", deleted: true });
  expect((await call(`${ENDPOINTS}/${id}`)).status).toBe(404);
  const left = env.DB.prepare("SELECT * FROM webhook_deliveries WHERE endpoint_id = ?").bind(id);
  expect((await left.all()).results).toEqual([]);
});

function askWith(sealingKey: string) {
  const headers = { Authorization: `Bearer ${API_KEY}` };
  const request = new Request(`https://edge.test${ENDPOINTS}`, { headers });
  return createApp().fetch(request, { ...env, WEBHOOK_SEALING_KEY: sealingKey });
}

describe("a deployment whose sealing key is", () => {
  it("empty has no webhooks, and says what its operator has not set", async () => {
    const failure = await failureOf(await askWith(""));
    expect(failure).toMatchObject({ status: 404, code: "not_found" });
    expect(failure.message).toContain("WEBHOOK_SEALING_KEY");
  });

  it("short seals nothing", async () => {
    expect(await failureOf(await askWith("short"))).toMatchObject({
      status: 500,
      code: "internal",
    });
  });
});

it("a key without the scope has no webhooks", async () => {
  const key = "sk-chat-only";
  const id = await createKey(key, {});
  await env.DB.prepare("UPDATE api_keys SET scopes = ? WHERE id = ?")
    .bind('{"routes":["chat"]}', id)
    .run();
  for (const path of [ENDPOINTS, DELIVERIES]) {
    expect(await failureOf(await call(path, { key }))).toMatchObject({ status: 403 });
  }
});
