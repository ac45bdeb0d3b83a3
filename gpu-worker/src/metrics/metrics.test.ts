import { expect, it } from "vitest";

import { snapshotOf } from "../engine/test-sequences.ts";
import { formatMetrics } from "./metrics.ts";
import { WorkerFigures } from "./worker-figures.ts";

it("tells each figure with its meaning and type, under vLLM's name where there is one", () => {
  const lengths = { cachedTokens: 5, length: 6, lentTokens: 64 };
  const running = [{ id: "a", slot: 0, turn: 1, isParked: false, ...lengths }];
  const waiting = [
    { id: "b", turn: 2 },
    { id: "c", turn: 3 },
  ];
  const engine = snapshotOf({ waiting, running, freeSlots: 7, kvUsage: 0.125 });
  const figures = new WorkerFigures();
  figures.endings.stop = 3;
  const jobs = { waiting: 6, running: 2 };
  const text = formatMetrics({ engine, figures, admittedRequests: 4, jobs, connections: 5 });
  expect(text).toContain(
    "# HELP vllm:num_requests_waiting Sequences that wait for a KV slot or for memory.\n" +
      "# TYPE vllm:num_requests_waiting gauge\n" +
      "vllm:num_requests_waiting 2\n",
  );
  expect(text.split("\n")).toEqual(
    expect.arrayContaining([
      "vllm:num_requests_running 1",
      "vllm:kv_cache_usage_perc 0.125",
      'vllm:request_success_total{finished_reason="stop"} 3',
      'vllm:time_to_first_token_seconds_bucket{le="+Inf"} 0',
      "qwen3_vl:kv_slots_free 7",
      "qwen3_vl:jobs_waiting 6",
      "qwen3_vl:jobs_running 2",
      "qwen3_vl:connections 5",
    ]),
  );
});
