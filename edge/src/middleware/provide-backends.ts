import type { MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";

import { BackendPool } from "../backends/backend-pool.ts";
import { gpuWorkersOf } from "../backends/backend-settings.ts";
import type { AppEnv, Env } from "../env.ts";

/** Hands out the one pool of GPU workers of this instance, which remembers who is well and how full. */
export function provideBackends(): MiddlewareHandler<AppEnv> {
  let known: { settings: string; pool: BackendPool } | undefined;

  const poolOf = (env: Env): BackendPool => {
    const settings = JSON.stringify([env.GPU_WORKER_URL, env.GPU_WORKER_SECRET]);
    if (known?.settings !== settings) {
      known = { settings, pool: new BackendPool(gpuWorkersOf(env)) };
    }
    return known.pool;
  };
  return createMiddleware<AppEnv>(async (c, next) => {
    c.set("backends", () => poolOf(c.env));
    await next();
  });
}
