import type { Histogram } from "@qwen3-vl/shared/histogram";

import type { EngineSnapshot } from "../engine/engine-snapshot.ts";
import type { WorkerFigures } from "./worker-figures.ts";

/** What a worker is busy with at one moment, and what it has done since it started. */
export interface WorkerState {
  engine: EngineSnapshot;
  figures: WorkerFigures;
  /** Requests that are being prepared, wait or run. */
  admittedRequests: number;
  /** Jobs that wait until they may run, and that do. */
  jobs: { waiting: number; running: number };
  /** Open connections, idle ones included. */
  connections: number;
}

type Metric = { name: string; help: string } & (
  | { type: "gauge" | "counter"; value: (state: WorkerState) => number }
  | { type: "counter"; label: string; values: (state: WorkerState) => Record<string, number> }
  | { type: "histogram"; of: (state: WorkerState) => Histogram }
);

/** vLLM's names where it has the figure, so that its dashboards and autoscalers work here too. */
const METRICS: readonly Metric[] = [
  {
    name: "vllm:num_requests_running",
    help: "Sequences that are read or answered.",
    type: "gauge",
    value: ({ engine }) => engine.running.length,
  },
  {
    name: "vllm:num_requests_waiting",
    help: "Sequences that wait for a KV slot or for memory.",
    type: "gauge",
    value: ({ engine }) => engine.waiting.length,
  },
  {
    name: "vllm:kv_cache_usage_perc",
    help: "Share of the KV cache that is lent to running sequences; 1 is all of it.",
    type: "gauge",
    value: ({ engine }) => engine.kvUsage,
  },
  {
    name: "vllm:num_preemptions_total",
    help: "Times that a running sequence gave way for memory or for a request before it.",
    type: "counter",
    value: ({ engine }) => engine.preemptions,
  },
  {
    name: "vllm:prefix_cache_queries_total",
    help: "Tokens of prompts that were looked up in the KV cache.",
    type: "counter",
    value: ({ engine }) => engine.promptTokens,
  },
  {
    name: "vllm:prefix_cache_hits_total",
    help: "Tokens of prompts that were found there.",
    type: "counter",
    value: ({ engine }) => engine.sharedTokens,
  },
  {
    name: "vllm:prompt_tokens_total",
    help: "Tokens of prompts.",
    type: "counter",
    value: ({ engine }) => engine.promptTokens,
  },
  {
    name: "vllm:generation_tokens_total",
    help: "Tokens of answers.",
    type: "counter",
    value: ({ figures }) => figures.generatedTokens,
  },
  {
    name: "vllm:request_success_total",
    help: "Answers that ended, and requests that were cut off, by the reason.",
    type: "counter",
    label: "finished_reason",
    values: ({ figures }) => figures.endings,
  },
  {
    name: "vllm:mm_cache_queries_total",
    help: "Pictures and clips that were looked up in the cache of features.",
    type: "counter",
    value: ({ figures }) => figures.mediaQueries,
  },
  {
    name: "vllm:mm_cache_hits_total",
    help: "Pictures and clips that were found there.",
    type: "counter",
    value: ({ figures }) => figures.mediaHits,
  },
  {
    name: "vllm:time_to_first_token_seconds",
    help: "From a request's arrival to its first token.",
    type: "histogram",
    of: ({ figures }) => figures.firstTokenSeconds,
  },
  {
    name: "vllm:inter_token_latency_seconds",
    help: "From a token to the next of its answer.",
    type: "histogram",
    of: ({ figures }) => figures.tokenSeconds,
  },
  {
    name: "vllm:e2e_request_latency_seconds",
    help: "From a request's arrival to its end.",
    type: "histogram",
    of: ({ figures }) => figures.requestSeconds,
  },
  {
    name: "vllm:request_queue_time_seconds",
    help: "Time that a sequence waited for a KV slot and memory.",
    type: "histogram",
    of: ({ figures }) => figures.queueSeconds,
  },
  {
    name: "qwen3_vl:prefill_step_seconds",
    help: "Steps that ran a chunk of a prompt, beside which answers wait.",
    type: "histogram",
    of: ({ figures }) => figures.prefillStepSeconds,
  },
  {
    name: "qwen3_vl:decode_step_seconds",
    help: "Steps that ran tokens of answers only.",
    type: "histogram",
    of: ({ figures }) => figures.decodeStepSeconds,
  },
  {
    name: "qwen3_vl:media_decode_seconds",
    help: "Decoding and resizing a picture or clip, waiting for a free thread included.",
    type: "histogram",
    of: ({ figures }) => figures.mediaSeconds,
  },
  {
    name: "qwen3_vl:media_encode_seconds",
    help: "Runs of the vision encoder, one for each picture or clip.",
    type: "histogram",
    of: ({ figures }) => figures.encodeSeconds,
  },
  {
    name: "qwen3_vl:pictures_total",
    help: "Pictures that were decoded.",
    type: "counter",
    value: ({ figures }) => figures.pictures,
  },
  {
    name: "qwen3_vl:video_frames_total",
    help: "Frames of clips that were decoded for the encoder.",
    type: "counter",
    value: ({ figures }) => figures.videoFrames,
  },
  {
    name: "qwen3_vl:kv_slots_free",
    help: "KV slots that no running sequence holds.",
    type: "gauge",
    value: ({ engine }) => engine.freeSlots,
  },
  {
    name: "qwen3_vl:kv_slots",
    help: "KV slots in all.",
    type: "gauge",
    value: ({ engine }) => engine.slots,
  },
  {
    name: "qwen3_vl:requests_admitted",
    help: "Requests that are being prepared, wait or run.",
    type: "gauge",
    value: ({ admittedRequests }) => admittedRequests,
  },
  {
    name: "qwen3_vl:jobs_waiting",
    help: "Jobs that wait until they may run.",
    type: "gauge",
    value: ({ jobs }) => jobs.waiting,
  },
  {
    name: "qwen3_vl:jobs_running",
    help: "Jobs that are being prepared or run; those admitted are not counted among them.",
    type: "gauge",
    value: ({ jobs }) => jobs.running,
  },
  {
    name: "qwen3_vl:job_reports_failed_total",
    help: "Reports of jobs that whoever they are for did not take.",
    type: "counter",
    value: ({ figures }) => figures.jobReportsFailed,
  },
  {
    name: "qwen3_vl:connections",
    help: "Open connections, the one that asks and idle ones included.",
    type: "gauge",
    value: ({ connections }) => connections,
  },
];

export const METRICS_PATH = "/metrics";

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The state in Prometheus's text format. */
export function formatMetrics(state: WorkerState): string {
  return METRICS.map(
    (metric) =>
      `# HELP ${metric.name} ${metric.help}\n# TYPE ${metric.name} ${metric.type}\n${lines(metric, state)}`,
  ).join("");
}

function lines(metric: Metric, state: WorkerState): string {
  if ("of" in metric) {
    return metric.of(state).format(metric.name);
  }
  if ("values" in metric) {
    return Object.entries(metric.values(state))
      .map(([value, count]) => `${metric.name}{${metric.label}="${value}"} ${count}\n`)
      .join("");
  }
  return `${metric.name} ${metric.value(state)}\n`;
}
