import { parseChatRequest } from "@qwen3-vl/shared/chat";
import { CHAT_COMPLETIONS_PATH } from "@qwen3-vl/shared/worker-protocol";
import { env } from "cloudflare:workers";
import { describe, expect, inject, it } from "vitest";

import { callGpuWorker, toGpuWorker } from "../../edge/src/inference/gpu-worker-client.ts";
import { toWorkerRequest } from "../../edge/src/inference/worker-request.ts";
import type { KeyLimits } from "../../edge/src/keys/key-settings.ts";
import type { KeyLimiter } from "../../edge/src/limits/key-limiter.ts";
import { findEnding } from "../../edge/src/usage/find-ending.ts";
import { limiterOf } from "../../edge/src/usage/request-books.ts";
import {
  callsOf,
  chat,
  createKey,
  failureOf,
  post,
  send,
  usageOf,
  usageOfKey,
  withKey,
} from "./edge-client.ts";

const ESTIMATE = {
  promptTokens: 60,
  completionTokens: 40,
  pixels: 0,
  videoMs: 0,
  frames: 0,
  isOpenEnded: false,
};

/** As an edge does that dies then. */
async function hold(
  limiter: DurableObjectStub<KeyLimiter>,
  draft: ReturnType<typeof draftOf>,
  limits: KeyLimits,
): Promise<void> {
  const { reservation } = await limiter.reserve(draft, ESTIMATE, limits);
  if (reservation !== undefined) {
    await limiter.hold(reservation);
  }
}

/** What the fake worker's script `answers` uses. */
const USED_TOKENS = 84 + 7;

function draftOf(apiKeyId: string, id: string) {
  const startedAt = Date.now();
  return { id, requestId: id, apiKeyId, tenant: apiKeyId, model: "answers", startedAt };
}

describe("a key's limits", () => {
  it("let in exactly as many of 50 requests at once as they say", async () => {
    const key = "sk-fifty";
    const id = await createKey(key, { limits: { requests_per_minute: 7 } });
    const answers = await Promise.all(
      Array.from({ length: 50 }, () =>
        post(chat("answers", "fifty", { max_tokens: 5 }), { headers: withKey(key) }),
      ),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(7);
    expect(statuses.filter((status) => status === 429)).toHaveLength(43);
    await Promise.all(answers.map((answer) => answer.text()));
    await expect.poll(() => usageOfKey(id)).toHaveLength(50);
    const outcomes = Map.groupBy(await usageOfKey(id), ({ outcome }) => outcome);
    expect(outcomes.get("completed")).toHaveLength(7);
    expect(outcomes.get("refused")).toHaveLength(43);
  });

  it("are told on every answer, and a refusal says when to come again", async () => {
    const key = "sk-told";
    await createKey(key, { limits: { requests_per_minute: 2, tokens_per_minute: 10_000 } });
    const ask = () => post(chat("answers", "told", { max_tokens: 5 }), { headers: withKey(key) });
    const first = await ask();
    expect(first.headers.get("RateLimit-Policy")).toBe(
      '"requests";q=2;w=60, "tokens";q=10000;qu="tokens";w=60',
    );
    expect(first.headers.get("RateLimit")).toMatch(/^"requests";r=1;t=30, "tokens";r=9\d{3};t=1$/);
    expect(first.headers.get("x-ratelimit-limit-requests")).toBe("2");
    expect(first.headers.get("x-ratelimit-remaining-requests")).toBe("1");
    expect(first.headers.get("x-ratelimit-reset-tokens")).toMatch(/^\d+ms$/);
    await first.text();
    await (await ask()).text();
    const refused = await ask();
    expect(Number(refused.headers.get("Retry-After"))).toBeGreaterThan(25);
    expect(refused.headers.get("x-ratelimit-remaining-requests")).toBe("0");
    expect(await failureOf(refused)).toMatchObject({
      status: 429,
      type: "rate_limit_error",
      code: "rate_limit_exceeded",
    });
    const models = await send("/v1/models", { headers: withKey(key) });
    expect(models.headers.get("x-ratelimit-limit-requests")).toBe("2");
    const invalid = await post({}, { headers: withKey(key) });
    expect(invalid.status).toBe(400);
    expect(invalid.headers.has("RateLimit")).toBe(true);
  });

  it("are charged with what was used, not with what was set aside", async () => {
    const key = "sk-settled";
    const limits = { tokens_per_month: 1000 };
    const id = await createKey(key, { limits });
    const ask = () =>
      post(chat("answers", "settled", { max_tokens: 700 }), { headers: withKey(key) });
    await (await ask()).text();
    await expect
      .poll(() => limiterOf(env, id).standings(limits))
      .toMatchObject([{ remaining: 1000 - USED_TOKENS }]);
    await (await ask()).text();
    await expect
      .poll(() => limiterOf(env, id).standings(limits))
      .toMatchObject([{ remaining: 1000 - 2 * USED_TOKENS }]);
  });

  it("of a month are a quota that is used up", async () => {
    const key = "sk-broke";
    // 68 tokens at 0.5, 16 at 0.25, 7 at 2 millionths: 52.
    const id = await createKey(key, { limits: { cost_per_month: 0.000052 } });
    const ask = () => post(chat("answers", "broke"), { headers: withKey(key) });
    expect((await (await ask()).text()).length).toBeGreaterThan(0);
    await expect.poll(() => usageOfKey(id)).toMatchObject([{ cost_micros: 52 }]);
    expect(await failureOf(await ask())).toMatchObject({
      status: 429,
      type: "insufficient_quota",
      code: "insufficient_quota",
    });
  });

  it("of requests at once are free again when one has ended", async () => {
    const key = "sk-single";
    await createKey(key, { limits: { concurrent_requests: 1 } });
    const client = new AbortController();
    const headers = withKey(key);
    const running = await post(chat("never-ends", "single", { stream: true }), {
      headers,
      signal: client.signal,
    });
    await running.body?.getReader().read();
    const refused = await post(chat("answers", "single 2"), { headers });
    expect(refused.headers.get("Retry-After")).toBe("1");
    expect(await failureOf(refused)).toMatchObject({ status: 429 });
    client.abort();
    const status = async () => (await post(chat("answers", "single 3"), { headers })).status;
    await expect.poll(status).toBe(200);
  });

  it("of pixels count pictures by their headers, before the GPU worker is asked", async () => {
    const key = "sk-pixels";
    await createKey(key, { limits: { pixels_per_minute: 1_000_000 } });
    const header = [0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82];
    const sides = [0, 0, 4, 0, 0, 0, 4, 0]; // 1024 x 1024
    const url = `data:image/png;base64,${btoa(String.fromCharCode(...header, ...sides))}`;
    const content = [{ type: "image_url", image_url: { url } }];
    const body = { model: "answers", messages: [{ role: "user", content }] };
    const answer = await post(body, { headers: withKey(key) });
    expect(answer.headers.has("Retry-After")).toBe(false);
    expect((await failureOf(answer)).message).toMatch(
      /^Limit pixels: .* up to 1048576\. It is too/,
    );
  });
});

describe("a key's limiter", () => {
  it("settles once, however often it is told", async () => {
    const id = "key_twice";
    const limits = { tokens_per_month: 1000 };
    const limiter = limiterOf(env, id);
    await hold(limiter, draftOf(id, "twice-1"), limits);
    const counts = { prompt: 10, cached: 0, image: 0, video: 0, completion: 5, reasoning: 0 };
    const media = { pixels: 0, video_ms: 0, frames: 0 };
    for (const outcome of ["completed", "failed"] as const) {
      await limiter.settle("twice-1", { outcome, counts, media });
    }
    expect(await limiter.standings(limits)).toMatchObject([{ remaining: 985 }]);
    await expect.poll(() => usageOfKey(id)).toMatchObject([{ outcome: "completed" }]);
  });

  it("asks the GPU worker what has become of a request whose edge has died", async () => {
    const id = "key_dead_edge";
    const limits = { tokens_per_month: 10_000, concurrent_requests: 1 };
    const limiter = limiterOf(env, id);
    await hold(limiter, draftOf(id, "dead-edge"), limits);
    const request = parseChatRequest(chat("answers", "dead edge"));
    const outgoing = await toWorkerRequest({ id: "dead-edge", tenant: id }, request, []);
    const worker = toGpuWorker(env.GPU_WORKER_URL, env.GPU_WORKER_SECRET);
    const answer = await callGpuWorker(worker, {
      ...outgoing,
      method: "POST",
      path: CHAT_COMPLETIONS_PATH,
      signal: AbortSignal.timeout(10_000),
    });
    await answer.text();
    await expect
      .poll(() => usageOf("dead edge"))
      .toMatchObject([{ outcome: "completed", prompt_tokens: 84, completion_tokens: 1000 }]);
    expect(await limiter.standings(limits)).toMatchObject([
      { name: "concurrent-requests", remaining: 1 },
      { name: "monthly-tokens", remaining: 10_000 - 1084 },
    ]);
  });

  it("counts what is set aside before it is written down, and once after", async () => {
    const id = "key_unheld";
    const limits = { tokens_per_month: 150 };
    const limiter = limiterOf(env, id);
    const first = await limiter.reserve(draftOf(id, "unheld-1"), ESTIMATE, limits);
    expect(first).toMatchObject({ standings: [{ remaining: 50 }] });
    expect(await limiter.reserve(draftOf(id, "unheld-2"), ESTIMATE, limits)).toMatchObject({
      refusal: { name: "monthly-tokens", remaining: 50, wanted: 100 },
    });
    if (first.reservation !== undefined) {
      await limiter.hold(first.reservation);
    }
    expect(await limiter.standings(limits)).toMatchObject([{ remaining: 50 }]);
  });

  it("gives up a request that never came to a GPU worker", async () => {
    const id = "key_never_begun";
    const limits = { tokens_per_month: 100 };
    const limiter = limiterOf(env, id);
    await hold(limiter, draftOf(id, "never-begun"), limits);
    expect(await limiter.standings(limits)).toMatchObject([{ remaining: 0 }]);
    await expect
      .poll(() => usageOfKey(id), { timeout: 25_000 })
      .toMatchObject([{ outcome: "failed", prompt_tokens: 0 }]);
    expect(await limiter.standings(limits)).toMatchObject([{ remaining: 100 }]);
  });
});

describe("findEnding", () => {
  it("believes the worker that knows the request, and no silence", async () => {
    const worker = toGpuWorker(env.GPU_WORKER_URL, env.GPU_WORKER_SECRET);
    const closed = `http://127.0.0.1:${inject("closedPort")}`;
    const silent = toGpuWorker(closed, env.GPU_WORKER_SECRET);
    await createKey("sk-found", {});
    await (await post(chat("answers", "found"), { headers: withKey("sk-found") })).text();
    const [call] = await callsOf("found");
    const known = await findEnding([silent, worker], call?.id ?? "");
    expect(known).toMatchObject({ outcome: "completed", counts: { prompt: 84 } });
    expect(await findEnding([worker], "never-heard-of")).toBe("unknown");
    await expect(findEnding([silent, worker], "never-heard-of")).rejects.toThrow("No GPU worker");
  });
});

describe("a request that the edge refuses", () => {
  it("has a record too", async () => {
    const key = "sk-refused";
    const id = await createKey(key, {});
    const headers = { ...withKey(key), "X-Request-Id": "refused-1" };
    await (await post({ model: "answers", messages: [] }, { headers })).text();
    await expect
      .poll(() => usageOfKey(id))
      .toMatchObject([
        { request_id: "refused-1", outcome: "refused", prompt_tokens: 0, cost_micros: 0 },
      ]);
  });
});
