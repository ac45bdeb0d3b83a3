import { Hono } from "hono";

import type { AppEnv } from "../env.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";
import type { EdgeFigures } from "../observability/edge-figures.ts";
import { METRICS_TYPE, formatFigures } from "../observability/format-figures.ts";

/**
 * `GET /metrics` for the operator. The platform runs many instances of the edge and asks any of them: the
 * figures are of the one that answers, since it started. What must be exact is in the usage records.
 */
export function metrics(figures: EdgeFigures): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .get("/", (c) => c.body(formatFigures(figures), 200, { "Content-Type": METRICS_TYPE }))
    .all(methodNotAllowed("GET"));
}
