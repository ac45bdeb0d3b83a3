import type { Context } from "hono";

import { backendWaitMs } from "../backends/backend-settings.ts";
import type { BackendCall } from "../backends/send-to-backend.ts";
import type { AppEnv } from "../env.ts";

/** What every call to a GPU worker has from the request it is made for. */
export function backendAccess(
  c: Pick<Context<AppEnv>, "env" | "executionCtx" | "var">,
): Pick<BackendCall, "pool" | "waitMs" | "background" | "onFailure"> {
  const { notes } = c.var;
  return {
    pool: c.var.backends(),
    waitMs: backendWaitMs(c.env),
    background: (task) => c.executionCtx.waitUntil(task),
    onFailure: (_worker, kind) => {
      notes.workerFailures[kind]++;
    },
  };
}
