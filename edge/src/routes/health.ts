import { Hono } from "hono";

import type { AppEnv } from "../env.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";

/** Says that the edge itself runs; it asks nobody else, so that a busy GPU does not restart it. */
export const health = new Hono<AppEnv>()
  .get("/", (c) => c.json({ status: "ok" }))
  .all(methodNotAllowed("GET"));
