import { createMiddleware } from "hono/factory";

import type { AppEnv } from "../env.ts";
import { assertRouteAllowed } from "../keys/scopes.ts";

/** Lets a request pass whose key may use this group of routes; stands behind `requireApiKey`. */
export const requireScope = createMiddleware<AppEnv>(async (c, next) => {
  assertRouteAllowed(c.var.apiKey.scopes, c.req.path);
  await next();
});
