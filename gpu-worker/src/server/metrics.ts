import type { EngineSnapshot } from "../engine/engine-snapshot.ts";

/** What a worker is busy with at one moment. */
export interface WorkerState {
  engine: EngineSnapshot;
  /** Requests that are being prepared, wait or run. */
  admittedRequests: number;
  /** Open connections, idle ones included. */
  connections: number;
}

interface Gauge {
  name: string;
  help: string;
  value: (state: WorkerState) => number;
}

/** vLLM's names where it has the figure, so that its dashboards and autoscalers work here too. */
const GAUGES: readonly Gauge[] = [
  {
    name: "vllm:num_requests_running",
    help: "Sequences that are read or answered.",
    value: ({ engine }) => engine.running.length,
  },
  {
    name: "vllm:num_requests_waiting",
    help: "Sequences that wait for a KV slot.",
    value: ({ engine }) => engine.waiting.length,
  },
  {
    name: "vllm:kv_cache_usage_perc",
    help: "Share of the KV cache that running sequences have set aside; 1 is all of it.",
    value: ({ engine }) => engine.kvUsage,
  },
  {
    name: "qwen3_vl:kv_slots_free",
    help: "KV slots that no running sequence holds.",
    value: ({ engine }) => engine.freeSlots,
  },
  {
    name: "qwen3_vl:kv_slots",
    help: "KV slots in all.",
    value: ({ engine }) => engine.slots,
  },
  {
    name: "qwen3_vl:requests_admitted",
    help: "Requests that are being prepared, wait or run.",
    value: ({ admittedRequests }) => admittedRequests,
  },
  {
    name: "qwen3_vl:connections",
    help: "Open connections, the one that asks and idle ones included.",
    value: ({ connections }) => connections,
  },
];

export const METRICS_PATH = "/metrics";

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The state in Prometheus's text format. */
export function formatMetrics(state: WorkerState): string {
  return GAUGES.map(
    ({ name, help, value }) =>
      `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value(state)}\n`,
  ).join("");
}
