import { expect, it } from "vitest";

import { assembleSystem } from "../support/assembled-system.ts";
import { runLoad } from "../support/chat-load.ts";
import { readMetrics } from "../support/worker-metrics.ts";

/** What a worker tells that runs nothing and serves one connection: the one that asks. */
const IDLE = {
  "vllm:num_requests_running": 0,
  "vllm:num_requests_waiting": 0,
  "vllm:kv_cache_usage_perc": 0,
  "qwen3_vl:kv_slots_free": 8,
  "qwen3_vl:requests_admitted": 0,
  "qwen3_vl:connections": 1,
};

/** Kept connections between edge and worker end a few seconds after their last use. */
const TIMEOUT_MS = 60_000;

it("serves 20 clients of whom a third leaves, and holds nothing of them afterwards", async () => {
  await using system = await assembleSystem();
  const { url, apiKey, worker } = system;
  const endings = await runLoad({ url, apiKey, clients: 20, seconds: 8, seed: 1 });

  expect(Object.keys(endings).filter((ending) => !/^(200|429|503|left)$/.test(ending))).toEqual([]);
  expect(endings).toMatchObject({ 200: expect.any(Number), left: expect.any(Number) });
  await expect.poll(() => readMetrics(worker), { timeout: TIMEOUT_MS }).toMatchObject(IDLE);
}, 120_000);
