import { MAX_BODY_BYTES } from "@qwen3-vl/shared/limits";
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, inject, it } from "vitest";

import { createApp } from "../../edge/src/app.ts";
import { insertApiKey } from "../../edge/src/keys/api-keys-table.ts";
import { hashSecret } from "../../edge/src/keys/key-secret.ts";
import {
  API_KEY,
  callsOf,
  chat,
  createApiKey,
  failureOf,
  get,
  post,
  send,
  usageOf,
} from "./edge-client.ts";

beforeAll(() => createApiKey());

const withKey = (authorization: string) =>
  send("/v1/models", { headers: { Authorization: authorization } });

describe("authentication", () => {
  it.each([
    ["no header", ""],
    ["an empty key", "Bearer "],
    ["another scheme", `Basic ${btoa(`user:${API_KEY}`)}`],
    ["a bare key", API_KEY],
    ["two keys", `Bearer ${API_KEY} ${API_KEY}`],
    ["an unknown key", "Bearer sk-unknown"],
    ["a prefix of a key", `Bearer ${API_KEY.slice(0, -1)}`],
    ["SQL", "Bearer 'OR'1'='1"],
    ["a key of 8 kB", `Bearer ${"k".repeat(8192)}`],
  ])("refuses %s", async (_, authorization) => {
    const answer = await withKey(authorization);
    expect(answer.headers.get("WWW-Authenticate")).toMatch(/^Bearer/);
    expect(await failureOf(answer)).toMatchObject({
      status: 401,
      type: "authentication_error",
      code: "invalid_api_key",
    });
  });

  it.each(["Bearer", "bearer", "BEARER"])("takes the scheme %s", async (scheme) => {
    expect((await withKey(`${scheme} ${API_KEY}`)).status).toBe(200);
  });

  it("refuses expired and revoked keys, also when the key is cached", async () => {
    const now = Date.now();
    await insertKey("sk-expired", { expiresAt: now - 1 });
    expect((await withKey("Bearer sk-expired")).status).toBe(401);

    await insertKey("sk-expiring", { expiresAt: Date.now() + 500 });
    expect((await withKey("Bearer sk-expiring")).status).toBe(200);
    await scheduler.wait(600);
    expect((await withKey("Bearer sk-expiring")).status).toBe(401);

    await insertKey("sk-revoked", {});
    await env.DB.prepare("UPDATE api_keys SET revoked_at = ? WHERE hash = ?")
      .bind(now, await hashSecret("sk-revoked"))
      .run();
    expect((await withKey("Bearer sk-revoked")).status).toBe(401);
  });

  it("puts the development key into the database when it is first used, and only that one", async () => {
    const dev = { ...env, DEV_API_KEY: "sk-dev" };
    const ask = (key: string) =>
      createApp().request("/v1/models", { headers: { Authorization: `Bearer ${key}` } }, dev);
    expect((await ask("sk-other")).status).toBe(401);
    expect((await ask("sk-dev")).status).toBe(200);
    expect((await ask("sk-dev")).status).toBe(200);
    const { results } = await env.DB.prepare("SELECT hash FROM api_keys WHERE name = ?")
      .bind("development")
      .all();
    expect(results).toEqual([{ hash: await hashSecret("sk-dev") }]);
  });

  it("is not asked for by /health", async () => {
    expect(await (await send("/health")).json()).toEqual({ status: "ok" });
  });
});

async function insertKey(key: string, { expiresAt }: { expiresAt?: number }): Promise<void> {
  const hash = await hashSecret(key);
  const expiry = expiresAt === undefined ? {} : { expiresAt };
  await insertApiKey(env.DB, { hash, prefix: "", name: key, createdAt: Date.now(), ...expiry });
}

describe("headers of every answer", () => {
  it.each([
    ["/health", 200],
    ["/nothing", 404],
    ["/v1/models", 401],
  ])("%s has a request id and permits any origin", async (path, status) => {
    const answer = await send(path, { headers: { Origin: "https://app.example.com" } });
    expect(answer.status).toBe(status);
    expect(answer.headers.get("X-Request-Id")).toMatch(/^[\da-f-]{36}$/);
    expect(answer.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(answer.headers.get("Access-Control-Expose-Headers")?.split(",")).toEqual(
      expect.arrayContaining(["X-Request-Id", "Retry-After", "RateLimit", "Idempotent-Replayed"]),
    );
  });

  it("keep a client's own well-formed request id, under which the GPU worker does not know them", async () => {
    const answer = await post(chat("answers", "own id"), {
      headers: { "X-Request-Id": "my_id-1" },
    });
    await answer.text();
    expect(answer.headers.get("X-Request-Id")).toBe("my_id-1");
    const [call] = await callsOf("own id");
    expect(call?.id).toMatch(/^[\da-f-]{36}$/);
    expect(call?.requestId).toBe("my_id-1"); // for its log
    await expect.poll(() => usageOf("own id")).toMatchObject([{ request_id: "my_id-1" }]);
  });

  it.each(["", "a b", "ä", "x".repeat(65)])("replace the client's request id %j", async (id) => {
    const answer = await send("/health", { headers: { "X-Request-Id": encodeURI(id) } });
    expect(answer.headers.get("X-Request-Id")).toMatch(/^[\da-f-]{36}$/);
  });

  it("answer a preflight without a key", async () => {
    const answer = await send("/v1/chat/completions", {
      method: "OPTIONS",
      headers: {
        Origin: "https://app.example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get("Access-Control-Allow-Methods")).toContain("POST");
    expect(answer.headers.get("Access-Control-Allow-Headers")).toContain("x-stainless-os");
  });
});

describe("routes", () => {
  it("answers 404 to an unknown route and 405 with Allow to a wrong method", async () => {
    expect(await failureOf(await get("/v1/nothing"))).toMatchObject({ status: 404 });
    const answer = await get("/v1/chat/completions");
    expect(answer.headers.get("Allow")).toBe("POST");
    expect(await failureOf(answer)).toMatchObject({ status: 405, code: "method_not_allowed" });
  });

  it("relays /v1/models and models with a slash in their id", async () => {
    expect(await (await get("/v1/models")).json()).toEqual({ path: "/v1/models" });
    for (const id of ["Qwen%2FQwen3-VL", "Qwen/Qwen3-VL"]) {
      const answer = await get(`/v1/models/${id}`);
      expect(await answer.json()).toEqual({ path: "/v1/models/Qwen%2FQwen3-VL" });
    }
  });

  it.each(["%2e%2e%2fhealth", "..%2f", "a%20b", "%00"])("knows no model %s", async (id) => {
    expect((await get(`/v1/models/${id}`)).status).toBe(404);
  });
});

describe("a request's body", () => {
  it.each([
    ["not JSON", "{", "body"],
    ["too deep", `${"[".repeat(1000)}${"]".repeat(1000)}`, "body"],
    ["an unknown field", JSON.stringify({ ...chat("answers", "x"), modle: 1 }), "modle"],
    ["no messages", JSON.stringify({ model: "answers", messages: [] }), "messages"],
    ["a list", "[]", "body"],
  ])("that is %s is refused with the param", async (_, body, param) => {
    expect(await failureOf(await post(body))).toMatchObject({
      status: 400,
      code: "invalid_request",
      param,
    });
  });

  it.each(["text/plain", "application/x-www-form-urlencoded", "application/jsonx"])(
    "of type %s is refused",
    async (type) => {
      const answer = await post(chat("answers", "x"), { headers: { "Content-Type": type } });
      expect(await failureOf(answer)).toMatchObject({ status: 400, param: "body" });
    },
  );

  it("that is not UTF-8 is refused", async () => {
    const answer = await post("", { body: Uint8Array.of(0x22, 0xff, 0x22) });
    expect(await failureOf(answer)).toMatchObject({
      status: 400,
      message: "The body is not valid UTF-8.",
    });
  });

  it("that announces too many bytes is refused unread", async () => {
    let pulled = 0;
    const body = new ReadableStream({
      pull(controller) {
        pulled++;
        controller.enqueue(new Uint8Array(2 ** 16));
      },
    });
    const answer = await post("", {
      body,
      headers: { "Content-Length": String(MAX_BODY_BYTES + 1) },
    });
    expect(await failureOf(answer)).toMatchObject({ status: 413, code: "request_too_large" });
    expect(pulled).toBeLessThan(10);
  });

  it("that is too long without saying so is not read to its end", async () => {
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        sent += 2 ** 20;
        controller.enqueue(new Uint8Array(2 ** 20).fill(0x20));
      },
    });
    const answer = await post("", { body });
    expect(await failureOf(answer)).toMatchObject({ status: 413, code: "request_too_large" });
    expect(sent).toBeLessThan(2 * MAX_BODY_BYTES);
  });
});

describe("a chat completion", () => {
  const STREAMED =
    ": ping\n" +
    'id: 1\ndata: {"choices":[{"delta":{"content":"Zwei Körbe 🧺"}}]}\n\n' +
    ": reasoning=3\n" +
    'id: 7\ndata: {"choices":[{"delta":{"content":" und ein Glas."}}]}\n\n' +
    "data: [DONE]\n\n";
  const USAGE = {
    model: "answers",
    outcome: "completed",
    prompt_tokens: 84,
    cached_tokens: 16,
    image_tokens: 64,
    video_tokens: 0,
    completion_tokens: 7,
    reasoning_tokens: 3,
    pixels: 50_176,
  };

  it("is streamed byte for byte, and its usage recorded", async () => {
    const answer = await post(chat("answers", "streamed", { stream: true }));
    expect(answer.headers.get("Content-Type")).toBe("text/event-stream; charset=utf-8");
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
    expect(answer.headers.get("X-Internal")).toBeNull();
    expect(await answer.text()).toBe(STREAMED);
    await expect.poll(() => usageOf("streamed")).toMatchObject([USAGE]);
    expect(await callsOf("streamed")).toMatchObject([{ wasAborted: false }]);
  });

  it("without stream is relayed byte for byte, and its usage recorded", async () => {
    const answer = await post(chat("answers", "whole"));
    expect(answer.headers.get("Content-Type")).toBe("application/json");
    expect(await answer.text()).toBe('{"object":"chat.completion" }\n');
    await expect.poll(() => usageOf("whole")).toMatchObject([USAGE]);
  });

  const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  const SPAN = "00f067aa0ba902b7";
  it.each([
    [
      "a trace of the client",
      `00-${TRACE}-${SPAN}-00`,
      new RegExp(`^00-${TRACE}-(?!${SPAN})\\w{16}-00$`),
      "a=b",
    ],
    [
      "no malformed trace",
      `00-${TRACE}-${SPAN}-01; x`,
      new RegExp(`^00-(?!${TRACE})\\w{32}-\\w{16}-01$`),
      null,
    ],
  ])("continues %s", async (kind, traceparent, continued, tracestate) => {
    const prompt = `traceparent: ${kind}`;
    const headers = { traceparent, tracestate: "a=b" };
    await (await post(chat("answers", prompt), { headers })).text();
    expect(await callsOf(prompt)).toMatchObject([
      { traceparent: expect.stringMatching(continued), tracestate },
    ]);
  });

  it("survives a failing database, and is recorded once that is back", async () => {
    await env.DB.exec("ALTER TABLE usage_records RENAME TO hidden");
    const answer = await postWith({}, chat("answers", "unrecorded"));
    expect(await answer.text()).toContain("chat.completion");
    await scheduler.wait(1500); // the queue waits a second for company
    await env.DB.exec("ALTER TABLE hidden RENAME TO usage_records");
    await expect.poll(() => usageOf("unrecorded")).toMatchObject([USAGE]);
  });

  it("is refused with 503 and Retry-After when no GPU worker listens", async () => {
    const down = `http://127.0.0.1:${inject("closedPort")}`;
    const answer = await postWith({ GPU_WORKER_URL: down }, chat("answers", "down"));
    expect(answer.headers.get("Retry-After")).toBe("5");
    expect(await failureOf(answer)).toMatchObject({ status: 503, code: "overloaded" });
  });

  it.each(["", "short"])("is never sent with the secret %j", async (secret) => {
    const answer = await postWith({ GPU_WORKER_SECRET: secret }, chat("answers", "unsigned"));
    expect(await failureOf(answer)).toMatchObject({
      status: 500,
      message: "The server had an error.",
    });
    expect(await callsOf("unsigned")).toEqual([]);
  });
});

/** Resolves when the answer and its record are done. */
async function postWith(vars: Partial<typeof env>, body: object): Promise<Response> {
  const context = createExecutionContext();
  const request = new Request("https://edge.test/v1/chat/completions", {
    method: "POST",
    headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await createApp().fetch(request, { ...env, ...vars }, context);
  const text = await answer.text();
  await waitOnExecutionContext(context);
  return new Response(text, answer);
}
