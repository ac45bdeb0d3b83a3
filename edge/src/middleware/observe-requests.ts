import type { Context, MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import { matchedRoutes } from "hono/route";

import type { AppEnv } from "../env.ts";
import type { EdgeFigures } from "../observability/edge-figures.ts";
import { createLogger } from "../observability/logger.ts";
import { levelOf, lineFields } from "../observability/request-line.ts";
import type { RequestNotes } from "../observability/request-notes.ts";
import { traceContextOf } from "../observability/trace-context.ts";

/** Gives each request its span and its notes; when its answer has ended, writes its one line and counts it. */
export function observeRequests(figures: EdgeFigures): MiddlewareHandler<AppEnv> {
  return createMiddleware<AppEnv>(async (c, next) => {
    const startedAt = Date.now();
    const notes: RequestNotes = { workerFailures: { failed: 0, busy: 0 }, mediaBytes: 0 };
    c.set("notes", notes);
    c.set("trace", traceContextOf(c.req.raw.headers));
    figures.begin();
    await next();
    const headersMs = Date.now() - startedAt;
    const end = () => note(c, figures, { headersMs, totalMs: Date.now() - startedAt });
    if (notes.ended === undefined) {
      end();
    } else {
      c.executionCtx.waitUntil(notes.ended.then(end, end));
    }
  });
}

function note(
  c: Context<AppEnv>,
  figures: EdgeFigures,
  times: { headersMs: number; totalMs: number },
): void {
  const { requestId, trace, notes } = c.var;
  const { status } = c.res;
  const route = routeOf(c);
  figures.end({ route, status, ...times, ...notes });
  const keyId = c.get("apiKey")?.id;
  const line = { requestId, trace, method: c.req.method, route, status, ...times, keyId, notes };
  createLogger(c.env.LOG)[levelOf(line)]("request", lineFields(line));
}

/** The pattern of the route that answered, or `none`: paths are the clients', and there are too many. */
function routeOf(c: Context): string {
  const patterns = matchedRoutes(c).map(({ path }) => path);
  return patterns.findLast((path) => !path.endsWith("*")) ?? "none";
}
