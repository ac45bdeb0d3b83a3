import { ApiError, toApiError } from "@qwen3-vl/shared/errors";
import type { Context } from "hono";

import type { AppEnv } from "../env.ts";

/** The one place that turns a failure into an answer; what the client may not read is logged. */
export function answerError(error: unknown, c: Context<AppEnv>): Response {
  const apiError = c.req.raw.signal.aborted
    ? new ApiError("client_closed_request", "The client closed the request.", { cause: error })
    : toApiError(error);
  const { notes } = c.var;
  notes.code = apiError.code;
  if (apiError.status >= 500) {
    notes.cause = apiError.cause;
  }
  const { status, headers } = apiError;
  const answer = Response.json(apiError, { status, headers });
  // Through the context, so that headers set before the failure (Allow, WWW-Authenticate) are sent.
  return c.newResponse(answer.body, answer);
}

export function notFound(c: Context<AppEnv>): Response {
  const route = `${c.req.method} ${c.req.path.slice(0, MAX_SHOWN_PATH)}`;
  return answerError(new ApiError("not_found", `There is no route ${route}.`), c);
}

const MAX_SHOWN_PATH = 200;

/** The last handler of a route: names the methods that the others serve. */
export function methodNotAllowed(...allowed: string[]): (c: Context<AppEnv>) => Response {
  return (c) => {
    c.header("Allow", allowed.join(", "));
    throw new ApiError(
      "method_not_allowed",
      `Expected ${allowed.join(" or ")}, got ${c.req.method}.`,
    );
  };
}
