import { expect, it } from "vitest";

import { EdgeFigures } from "./edge-figures.ts";
import { formatFigures } from "./format-figures.ts";

it("tells requests by route and status, those in flight, failures, bytes and times", () => {
  const figures = new EdgeFigures();
  figures.begin();
  figures.begin();
  figures.end({
    route: "/v1/chat/completions",
    status: 200,
    headersMs: 20,
    totalMs: 1500,
    mediaBytes: 7,
    workerFailures: { failed: 0, busy: 1 },
  });
  const text = formatFigures(figures);
  for (const line of [
    "# TYPE qwen3_vl_edge:requests_total counter",
    'qwen3_vl_edge:requests_total{route="/v1/chat/completions",status="200"} 1',
    "qwen3_vl_edge:requests_in_flight 1",
    'qwen3_vl_edge:worker_failures_total{reason="failed"} 0',
    'qwen3_vl_edge:worker_failures_total{reason="busy"} 1',
    "qwen3_vl_edge:media_bytes_total 7",
    'qwen3_vl_edge:headers_seconds_bucket{route="/v1/chat/completions",le="0.025"} 1',
    'qwen3_vl_edge:request_seconds_bucket{route="/v1/chat/completions",le="1"} 0',
    'qwen3_vl_edge:request_seconds_sum{route="/v1/chat/completions"} 1.5',
    'qwen3_vl_edge:request_seconds_count{route="/v1/chat/completions"} 1',
  ]) {
    expect(`\n${text}`).toContain(`\n${line}\n`);
  }
});
