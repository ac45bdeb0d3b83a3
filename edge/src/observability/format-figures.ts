import type { Histogram } from "@qwen3-vl/shared/histogram";

import type { EdgeFigures } from "./edge-figures.ts";

/** https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Metric = { name: string; help: string } & (
  | { type: "gauge" | "counter"; value: (figures: EdgeFigures) => number }
  | { type: "counter"; values: (figures: EdgeFigures) => Iterable<[labels: string, number]> }
  | { type: "histogram"; of: (figures: EdgeFigures) => Iterable<[label: string, Histogram]> }
);

const METRICS: readonly Metric[] = [
  {
    name: "qwen3_vl_edge:requests_total",
    help: "Requests that have ended, by route and status.",
    type: "counter",
    values: ({ requests }) => requests,
  },
  {
    name: "qwen3_vl_edge:requests_in_flight",
    help: "Requests whose answer has not ended, the one that asks included.",
    type: "gauge",
    value: ({ inFlight }) => inFlight,
  },
  {
    name: "qwen3_vl_edge:worker_failures_total",
    help: "Times that a GPU worker did not take a request: it failed, or it was busy.",
    type: "counter",
    values: ({ workerFailures }) =>
      Object.entries(workerFailures).map(([reason, count]) => [`reason="${reason}"`, count]),
  },
  {
    name: "qwen3_vl_edge:media_bytes_total",
    help: "Bytes of pictures and clips of requests.",
    type: "counter",
    value: ({ mediaBytes }) => mediaBytes,
  },
  {
    name: "qwen3_vl_edge:headers_seconds",
    help: "From a request's arrival to its answer's headers.",
    type: "histogram",
    of: ({ headersSeconds }) => headersSeconds,
  },
  {
    name: "qwen3_vl_edge:request_seconds",
    help: "From a request's arrival to its answer's end.",
    type: "histogram",
    of: ({ totalSeconds }) => totalSeconds,
  },
];

/** The figures in Prometheus's text format. */
export function formatFigures(figures: EdgeFigures): string {
  return METRICS.map(
    (metric) =>
      `# HELP ${metric.name} ${metric.help}\n# TYPE ${metric.name} ${metric.type}\n${lines(metric, figures)}`,
  ).join("");
}

function lines(metric: Metric, figures: EdgeFigures): string {
  if ("of" in metric) {
    return [...metric.of(figures)]
      .map(([label, histogram]) => histogram.format(metric.name, label))
      .join("");
  }
  if ("values" in metric) {
    return [...metric.values(figures)]
      .map(([labels, count]) => `${metric.name}{${labels}} ${count}\n`)
      .join("");
  }
  return `${metric.name} ${metric.value(figures)}\n`;
}
