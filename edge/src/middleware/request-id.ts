import { createMiddleware } from "hono/factory";

import type { AppEnv } from "../env.ts";

const CLIENT_REQUEST_ID = /^[\w-]{1,64}$/;

/** Puts `X-Request-Id` on every answer: the client's own if it is well-formed, else a new one. */
export const requestId = createMiddleware<AppEnv>(async (c, next) => {
  const own = c.req.header("X-Request-Id");
  const id = own !== undefined && CLIENT_REQUEST_ID.test(own) ? own : crypto.randomUUID();
  c.set("requestId", id);
  await next();
  c.header("X-Request-Id", id);
});
