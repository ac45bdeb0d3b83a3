import { createMiddleware } from "hono/factory";

import type { AppEnv } from "../env.ts";

/**
 * Development only: reads a refused request to its end before it is answered. workerd closes a connection
 * with bytes unread, and the system resets it then: of 24 clients that sent 25 MB, 19 saw no answer.
 * In front of a deployed Worker, Cloudflare's own proxies do this.
 */
export const drainRefusedRequest = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const { body, bodyUsed } = c.req.raw;
  if (c.env.DRAIN_REFUSED_REQUESTS === "true" && c.res.status >= 400 && !bodyUsed) {
    await body?.pipeTo(new WritableStream());
  }
});
