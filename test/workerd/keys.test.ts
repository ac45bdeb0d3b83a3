import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";

import { createApp } from "../../edge/src/app.ts";
import { findApiKey } from "../../edge/src/keys/api-keys-table.ts";
import { hashSecret } from "../../edge/src/keys/key-secret.ts";
import { ADMIN_TOKEN, admin, createKey, keyFrom, listKeys, refusal } from "./admin-client.ts";
import { failureOf, send } from "./edge-client.ts";

afterEach(() => {
  vi.useRealTimers();
});

const withKey = (value: string) =>
  send("/v1/models", { headers: { Authorization: `Bearer ${value}` } });

const ask = (vars: object, headers: Record<string, string> = {}) =>
  createApp().request("/admin/keys", { headers }, { ...env, ...vars });

describe("the administrator's routes", () => {
  it("are not there without a token, and closed with one that is short", async () => {
    const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
    for (const token of [undefined, ""]) {
      expect((await ask({ ADMIN_TOKEN: token }, headers)).status).toBe(404);
    }
    const short = await ask({ ADMIN_TOKEN: "short" }, { Authorization: "Bearer short" });
    expect(await failureOf(short)).toMatchObject({
      status: 500,
      message: "The server had an error.",
    });
  });

  it.each([
    ["none", ""],
    ["a prefix", `Bearer ${ADMIN_TOKEN.slice(0, -1)}`],
    ["a longer one", `Bearer ${ADMIN_TOKEN}x`],
    ["another scheme", `Basic ${btoa(`admin:${ADMIN_TOKEN}`)}`],
  ])("refuse %s", async (_, authorization) => {
    const answer = await ask({}, { Authorization: authorization });
    expect(answer.headers.get("WWW-Authenticate")).toBe("Bearer");
    expect(await failureOf(answer)).toMatchObject({ status: 401, code: "invalid_api_key" });
  });

  it("refuse an API key, as the API refuses the administrator's token", async () => {
    const { value } = await createKey();
    expect((await ask({}, { Authorization: `Bearer ${value}` })).status).toBe(401);
    expect((await withKey(ADMIN_TOKEN)).status).toBe(401);
  });

  it("delete no key", async () => {
    const { id } = await createKey();
    const answer = await admin("DELETE", `/${id}`);
    expect(answer.headers.get("Allow")).toBe("GET, PATCH");
    expect(await failureOf(answer)).toMatchObject({ status: 405 });
  });
});

const tenantOf = async (value: string) =>
  (await findApiKey(env.DB, await hashSecret(value)))?.tenant;

describe("a key", () => {
  it("is told once, works at once, and is kept as its SHA-256 only", async () => {
    const before = Math.floor(Date.now() / 1000);
    const answer = await admin("POST", "", { name: "mine" });
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
    const { value, ...key } = await createKey({ name: "mine" });
    expect(value).toMatch(/^sk-[\w-]{43}$/);
    expect(key).toEqual({
      object: "api_key",
      id: expect.stringMatching(/^key_[\da-f]{16}$/),
      name: "mine",
      redacted_value: `${value.slice(0, 7)}…${value.slice(-4)}`,
      status: "active",
      owner: null,
      labels: {},
      scopes: {},
      limits: {},
      media_hosts: {},
      created_at: expect.toSatisfy((at: number) => at >= before && at <= before + 60),
      expires_at: null,
      revoked_at: null,
      previous_expires_at: null,
    });
    expect((await withKey(value)).status).toBe(200);
    expect(await keyFrom(await admin("GET", `/${key.id}`))).toEqual(key);
    const row = await env.DB.prepare("SELECT * FROM api_keys WHERE id = ?").bind(key.id).first();
    expect(JSON.stringify(row)).not.toContain(value.slice(8, -5));
  });

  it("keeps what it is given, and a change replaces a field whole", async () => {
    const settings = {
      owner: "acme",
      labels: { team: "vision" },
      scopes: { routes: ["chat"], models: ["answers"] },
      limits: { requests_per_minute: 60, cost_per_month: 9.5 },
      media_hosts: { allow: ["*.example.com"] },
      expires_at: 4_000_000_000,
    };
    const { id, ...key } = await createKey(settings);
    expect(key).toMatchObject(settings);
    const changes = {
      name: "new",
      limits: { tokens_per_minute: 5 },
      owner: null,
      expires_at: null,
    };
    expect(await keyFrom(await admin("PATCH", `/${id}`, changes))).toMatchObject({
      ...settings,
      ...changes,
    });
    expect(await keyFrom(await admin("PATCH", `/${id}`, {}))).toMatchObject(changes);
  });

  it("belongs to its owner, else to itself", async () => {
    const [own, owned] = [await createKey(), await createKey({ owner: "acme" })];
    expect(await tenantOf(own.value)).toBe(own.id);
    expect(await tenantOf(owned.value)).toBe("acme");
  });

  it.each([
    ["no name", { name: undefined }, "name"],
    ["another key's id as its owner", { owner: "key_0123456789abcdef" }, "owner"],
    ["a path as its owner", { owner: "../acme" }, "owner"],
    ["a scope that is none", { scopes: { routes: ["admin"] } }, "scopes.routes.0"],
    ["a limit of 0", { limits: { requests_per_minute: 0 } }, "limits.requests_per_minute"],
    ["a limit that is none", { limits: { rpm: 1 } }, "limits.rpm"],
    ["a URL as host", { media_hosts: { allow: ["https://a.example"] } }, "media_hosts.allow.0"],
    ["an end in the past", { expires_at: 1_000_000_000 }, "expires_at"],
    ["milliseconds", { expires_at: 1_800_000_000_000_000 }, "expires_at"],
    ["an unknown field", { budget: 1 }, "budget"],
  ])("is not made with %s", async (_, settings, param) => {
    const failure = await refusal("POST", "", { name: "test", ...settings });
    expect(failure).toMatchObject({ status: 400, code: "invalid_request", param });
  });

  it("that does not exist is not found by any route", async () => {
    for (const [method, path, body] of [
      ["GET", "/key_none"],
      ["PATCH", "/key_none", {}],
      ["POST", "/key_none/rotate"],
      ["POST", "/key_none/revoke"],
    ] as const) {
      expect(await refusal(method, path, body)).toMatchObject({ status: 404, code: "not_found" });
    }
  });
});

const idsOf = async (query: string) => (await listKeys(query)).data.map(({ id }) => id);

describe("the list of keys", () => {
  it("comes in pages, newest first, each key once, also of one moment", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    const made: string[] = [];
    for (let i = 0; i < 5; i++) {
      made.push((await createKey({ owner: "pages" })).id);
    }
    const first = await listKeys("owner=pages&limit=2");
    expect(first).toMatchObject({ object: "list", has_more: true, last_id: first.data[1]?.id });
    const second = await listKeys(`owner=pages&limit=2&after=${first.last_id}`);
    const third = await listKeys(`owner=pages&limit=2&after=${second.last_id}`);
    expect(third).toMatchObject({ has_more: false, first_id: third.last_id });
    const seen = [first, second, third].flatMap(({ data }) => data.map(({ id }) => id));
    expect(seen.toSorted()).toEqual(made.toSorted());
    expect(await listKeys("owner=nobody")).toEqual({
      object: "list",
      data: [],
      first_id: null,
      last_id: null,
      has_more: false,
    });
  });

  it("is narrowed by labels, whose text is never SQL or a pattern", async () => {
    const both = await createKey({ labels: { team: "label=a", stage: "live" } });
    const one = await createKey({ labels: { team: "label=a" } });
    expect((await idsOf("label=team%3Dlabel%3Da")).toSorted()).toEqual(
      [both.id, one.id].toSorted(),
    );
    expect(await idsOf("label=team%3Dlabel%3Da&label=stage%3Dlive")).toEqual([both.id]);
    for (const label of ["team=%25", "team=' OR 1=1 --", "team="]) {
      expect(await idsOf(`label=${encodeURIComponent(label)}`)).toEqual([]);
    }
  });

  it.each([
    ["limit=0", "limit"],
    ["limit=101", "limit"],
    ["limit=x", "limit"],
    ["after=key_none", "after"],
    ["label=team", "label.0"],
    ["order=asc", "order"],
  ])("is refused for %s", async (query, param) => {
    expect(await refusal("GET", `?${query}`)).toMatchObject({ status: 400, param });
  });
});
