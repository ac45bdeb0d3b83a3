import { createMiddleware } from "hono/factory";

import type { AppEnv } from "../env.ts";
import { requireSealer } from "../webhooks/secret-sealer.ts";

/** Lets a request pass where the deployment can keep secrets, without which it has no webhooks. */
export const requireWebhooks = createMiddleware<AppEnv>(async (c, next) => {
  requireSealer(c.env);
  await next();
});
