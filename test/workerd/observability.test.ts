import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { createApp } from "../../edge/src/app.ts";
import { ADMIN_TOKEN } from "./admin-client.ts";
import { API_KEY, chat, createApiKey } from "./edge-client.ts";

beforeAll(() => createApiKey());

const LEVELS = ["debug", "info", "warn", "error"] as const;
const lines: string[] = [];
/** An edge of its own, which counts from nothing. */
let edge: ReturnType<typeof createApp>;
beforeEach(() => {
  edge = createApp();
  lines.length = 0;
  for (const level of LEVELS) {
    vi.spyOn(console, level).mockImplementation((text: string) => void lines.push(text));
  }
});
afterEach(() => {
  vi.restoreAllMocks();
});

interface AskInit {
  method?: string;
  body?: string;
  headers?: Record<string, string>;
}

/** Resolves when the answer has been read and everything behind it is done. */
async function ask(path: string, init: AskInit = {}, token = API_KEY): Promise<Response> {
  const context = createExecutionContext();
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const request = new Request(`https://edge.test${path}`, {
    ...init,
    headers: { ...headers, ...init.headers },
  });
  const answer = await edge.fetch(request, { ...env, LOG: "debug" }, context);
  const text = await answer.text();
  await waitOnExecutionContext(context);
  return new Response(text, answer);
}

const post = (body: object, headers: Record<string, string> = {}) =>
  ask("/v1/chat/completions", { method: "POST", body: JSON.stringify(body), headers });

const Line = z.record(z.string(), z.unknown());

/** The one line there is. */
function line(): z.infer<typeof Line> {
  expect(lines).toHaveLength(1);
  return Line.parse(JSON.parse(lines[0] ?? ""));
}

describe("the one log line of a request", () => {
  it("tells route, status, times, key, model, worker, tokens and how it ended", async () => {
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    const headers = {
      "X-Request-Id": "my-id",
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
    };
    await post(chat("answers", "a secret question", { stream: true }), headers);
    expect(line()).toEqual({
      level: "info",
      event: "request",
      requestId: "my-id",
      traceId,
      spanId: expect.stringMatching(/^[\da-f]{16}$/),
      parentSpanId: "00f067aa0ba902b7",
      method: "POST",
      route: "/v1/chat/completions",
      status: 200,
      headersMs: expect.any(Number),
      totalMs: expect.any(Number),
      keyId: expect.stringMatching(/^key_/),
      model: "answers",
      workerRequestId: expect.stringMatching(/^[\da-f-]{36}$/),
      worker: new URL(env.GPU_WORKER_URL).host,
      workerFailures: { failed: 0, busy: 0 },
      mediaBytes: 0,
      outcome: "completed",
      tokens: { prompt: 84, cached: 16, image: 64, video: 0, completion: 7, reasoning: 3 },
      media: { pixels: 50_176, video_ms: 0, frames: 0 },
    });
  });

  it("has nothing of what was asked, of the key, or of a client's URL", async () => {
    const url = "https://user-content.example.com/private.png?token=secret-token";
    const content = [
      { type: "text", text: "secret question" },
      { type: "image_url", image_url: { url: `${url}\n` } },
    ];
    await post({ model: "answers", messages: [{ role: "user", content }] });
    expect(line()).toMatchObject({ status: 400, code: "invalid_request" });
    expect(lines[0]).not.toMatch(/secret|private|example\.com/);
    expect(lines[0]).not.toContain(API_KEY);
  });

  it.each([
    ["/v1/models/Qwen%2FQwen3", "/v1/models/:id{.+}", 200],
    ["/secret-path", "none", 404],
    ["/v1/secret-path", "none", 404],
    ["/health", "/health", 200],
  ])("of %s names the pattern %s", async (path, route, status) => {
    await ask(path);
    expect(line()).toMatchObject({ route, status });
    expect(lines[0]).not.toContain("secret-path");
  });

  it("is an error with its cause when the failure is ours, and a warning when an answer broke off", async () => {
    await post(chat("refuses-signature", "x"));
    const cause = { message: expect.stringContaining("refused the signature") };
    expect(line()).toMatchObject({ level: "error", status: 500, code: "internal", cause });
    lines.length = 0;
    await post(chat("breaks-off", "x", { stream: true })).catch(() => undefined);
    await expect.poll(() => lines.length).toBe(1);
    expect(line()).toMatchObject({ level: "warn", status: 200, outcome: "failed" });
  });
});

const metrics = (token?: string) => ask("/metrics", {}, token);

describe("/metrics", () => {
  it("counts requests, failures and times of this instance for the operator", async () => {
    await post(chat("answers", "counted"));
    await post({ model: "answers", messages: [] });
    const answer = await metrics(ADMIN_TOKEN);
    expect(answer.headers.get("Content-Type")).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await answer.text();
    const labels = 'route="/v1/chat/completions"';
    expect(text).toContain(`qwen3_vl_edge:requests_total{${labels},status="200"} 1\n`);
    expect(text).toContain(`qwen3_vl_edge:requests_total{${labels},status="400"} 1\n`);
    expect(text).toContain(`qwen3_vl_edge:request_seconds_count{${labels}} 2\n`);
    expect(text).toContain("qwen3_vl_edge:requests_in_flight 1\n");
  });

  it("is nobody else's", async () => {
    expect((await metrics(API_KEY)).status).toBe(401);
    expect((await metrics("")).status).toBe(401);
    const { ADMIN_TOKEN: _, ...deployed } = env;
    const without = await createApp().request("/metrics", {}, { ...deployed, LOG: "silent" });
    expect(without.status).toBe(404);
  });
});
