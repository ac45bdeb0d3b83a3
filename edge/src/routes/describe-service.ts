import * as z from "zod";

import type { RouteDescription } from "../openapi/route-description.ts";

const shared = { method: "get", tag: "Service", access: "public", errors: [] } as const;

const Health = z.object({ status: z.literal("ok") });
const OpenApi = z.record(z.string(), z.unknown());

/** The routes that tell of the service itself. */
export const describeService: readonly RouteDescription[] = [
  {
    ...shared,
    path: "/health",
    id: "getHealth",
    summary: "Whether the edge runs",
    answer: {
      notes: "It runs.",
      contents: { "application/json": { name: "Health", schema: Health } },
    },
  },
  {
    ...shared,
    path: "/openapi.json",
    id: "getOpenApi",
    summary: "This document",
    answer: {
      notes: "OpenAPI 3.1.",
      contents: { "application/json": { name: "OpenApi", schema: OpenApi } },
    },
  },
  {
    ...shared,
    path: "/docs",
    id: "getDocs",
    summary: "This document as a page",
    answer: { notes: "The page.", contents: { "text/html": "text" } },
  },
];
