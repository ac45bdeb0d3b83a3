import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";

import { createApp } from "../../edge/src/app.ts";
import { hashSecret } from "../../edge/src/keys/key-secret.ts";
import { admin, createKey, keyFrom, refusal } from "./admin-client.ts";
import { chat, failureOf, post, send } from "./edge-client.ts";

afterEach(() => {
  vi.useRealTimers();
});

const withKey = (value: string, path = "/v1/models") =>
  send(path, { headers: { Authorization: `Bearer ${value}` } });

describe("the end of a key", () => {
  it("by revoking comes for good, within the 30 s that it is cached", async () => {
    const { id, value } = await createKey();
    const app = createApp();
    const ask = () =>
      app.request("/v1/models", { headers: { Authorization: `Bearer ${value}` } }, env);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    expect((await ask()).status).toBe(200);

    const revoked = await keyFrom(await admin("POST", `/${id}/revoke`));
    expect(revoked).toMatchObject({ status: "revoked", revoked_at: expect.any(Number) });
    vi.advanceTimersByTime(30_000);
    expect((await ask()).status).toBe(401);
    expect((await withKey(value)).status).toBe(401);

    vi.advanceTimersByTime(5000);
    expect(await keyFrom(await admin("POST", `/${id}/revoke`))).toEqual(revoked);
    expect(await refusal("POST", `/${id}/rotate`)).toMatchObject({ status: 409, code: "conflict" });
  });

  it("comes by an end in the past, and goes when the end does", async () => {
    const { id, value } = await createKey();
    const past = Math.floor(Date.now() / 1000) - 1;
    const expired = await keyFrom(await admin("PATCH", `/${id}`, { expires_at: past }));
    expect(expired).toMatchObject({ status: "expired", expires_at: past });
    expect((await withKey(value)).status).toBe(401);
    await admin("PATCH", `/${id}`, { expires_at: null });
    expect((await withKey(value)).status).toBe(200);
  });
});

/** Rotates and tells the new value apart from the key. */
const rotate = async (id: string, body?: object) => {
  const answer = await admin("POST", `/${id}/rotate`, body);
  const { value, ...key } = Object(await answer.json());
  return { value: String(value), key };
};

describe("a rotation", () => {
  it("changes the value at once and nothing else, unless an overlap is asked for", async () => {
    const { value: old, ...before } = await createKey({ owner: "acme" });
    const { value, key } = await rotate(before.id);
    expect(value).not.toBe(old);
    expect({ ...key, redacted_value: "" }).toEqual({ ...before, redacted_value: "" });
    expect((await withKey(value)).status).toBe(200);
    expect((await withKey(old)).status).toBe(401);
  });

  it("leaves the old value for the overlap, also where it is cached, and never two", async () => {
    const { id, value: first } = await createKey();
    const app = createApp();
    const ask = async (value: string) => {
      const headers = { Authorization: `Bearer ${value}` };
      return (await app.request("/v1/models", { headers }, env)).status;
    };
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    const { value: second, key } = await rotate(id, { overlap_seconds: 60 });
    expect(key.previous_expires_at).toBe(Math.floor((Date.now() + 60_000) / 1000));
    vi.advanceTimersByTime(59_000);
    expect([await ask(first), await ask(second)]).toEqual([200, 200]);
    vi.advanceTimersByTime(1000);
    expect([await ask(first), await ask(second)]).toEqual([401, 200]);

    const { value: third } = await rotate(id, { overlap_seconds: 60 });
    await rotate(id, { overlap_seconds: 60 });
    const statuses = await Promise.all(
      [second, third].map(async (known) => (await withKey(known)).status),
    );
    expect(statuses).toEqual([401, 200]);
  });

  it("of two at once leaves exactly one value that is new and one that is old", async () => {
    const { id, value } = await createKey();
    const rotations = await Promise.all([1, 2].map(() => rotate(id, { overlap_seconds: 60 })));
    const values = [value, ...rotations.map((rotation) => rotation.value)];
    const statuses = await Promise.all(values.map(async (known) => (await withKey(known)).status));
    expect(statuses).toEqual([401, 200, 200]);
  });

  it.each([-1, 0.5, 2_592_001, "60"])("has no overlap of %j seconds", async (seconds) => {
    const { id } = await createKey();
    const failure = await refusal("POST", `/${id}/rotate`, { overlap_seconds: seconds });
    expect(failure).toMatchObject({ status: 400, param: "overlap_seconds" });
  });
});

describe("a key's scopes", () => {
  it("open their routes and refuse the others with 403 and the scope's name", async () => {
    const { value } = await createKey({ scopes: { routes: ["models"] } });
    expect((await withKey(value)).status).toBe(200);
    const headers = { Authorization: `Bearer ${value}` };
    const failure = await failureOf(await post(chat("answers", "unscoped"), { headers }));
    expect(failure).toMatchObject({
      status: 403,
      code: "permission_denied",
      message: 'This API key lacks the scope "chat"; it has "models".',
    });
    for (const path of ["/v1/%63hat/completions", "/v1/chat/completions/estimate"]) {
      expect((await send(path, { method: "POST", headers })).status).toBe(403);
    }
    expect((await withKey(value, "/v1/nothing")).status).toBe(404);
  });

  it("hide other models than their own", async () => {
    const { value } = await createKey({ scopes: { models: ["answers"] } });
    const headers = { Authorization: `Bearer ${value}` };
    expect((await post(chat("answers", "own model"), { headers })).status).toBe(200);
    const failure = await failureOf(await post(chat("other", "foreign model"), { headers }));
    expect(failure).toMatchObject({ status: 404, code: "model_not_found", param: "model" });
    expect((await withKey(value, "/v1/models/answers")).status).toBe(200);
    expect((await withKey(value, "/v1/models/other")).status).toBe(404);
  });
});

describe("a wrong key", () => {
  it("is looked up by its SHA-256 alone, whatever beginning it has", async () => {
    const { value } = await createKey();
    const asked: unknown[] = [];
    const DB = watched(env.DB, asked);
    const wrong = [`${value.slice(0, -1)}!`, `!${value.slice(1)}`];
    for (const key of wrong) {
      const headers = { Authorization: `Bearer ${key}` };
      const answer = await createApp().request("/v1/models", { headers }, { ...env, DB });
      expect(answer.status).toBe(401);
    }
    expect(asked).toEqual(await Promise.all(wrong.map(hashSecret)));
  });
});

/** The database, noting each value that a statement is run with. */
function watched(db: D1Database, values: unknown[]): D1Database {
  return new Proxy(db, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (name !== "prepare") {
        return typeof member === "function" ? member.bind(target) : member;
      }
      return (sql: string) => {
        const statement = target.prepare(sql);
        const bind = statement.bind.bind(statement);
        statement.bind = (...bound: unknown[]) => {
          values.push(...bound);
          return bind(...bound);
        };
        return statement;
      };
    },
  });
}
