import type { RouteDescription } from "../openapi/route-description.ts";

export const describeMetrics: readonly RouteDescription[] = [
  {
    method: "get",
    path: "/metrics",
    id: "getMetrics",
    tag: "Service",
    summary: "Figures of the edge for Prometheus",
    notes: "Of the one instance that answers, since it started; `/v1/usage` is exact.",
    access: "admin_token",
    answer: { notes: "Prometheus's text format.", contents: { "text/plain": "text" } },
    errors: [],
  },
];
