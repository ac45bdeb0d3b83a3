import { Hono } from "hono";

import type { AppEnv } from "../env.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";
import { parseUsageQuery } from "../usage/usage-query.ts";
import { sumUsage } from "../usage/usage-sums.ts";

/** `GET /v1/usage`: what the tenant of the key has used, to the token. */
export const usage = new Hono<AppEnv>()
  .get("/", async (c) => {
    const query = parseUsageQuery(c.req.query(), Date.now());
    return c.json(await sumUsage(c.env.DB, c.var.apiKey.tenant, query));
  })
  .all(methodNotAllowed("GET"));
