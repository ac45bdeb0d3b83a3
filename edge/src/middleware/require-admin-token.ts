import { ApiError } from "@qwen3-vl/shared/errors";
import { equalInConstantTime, sha256Hex } from "@qwen3-vl/shared/signature";
import { createMiddleware } from "hono/factory";

import type { AppEnv } from "../env.ts";
import { notFound } from "./answer-error.ts";
import { bearerToken } from "./bearer-token.ts";

/** Shorter ones could be guessed. */
const MIN_TOKEN_LENGTH = 32;

/**
 * Lets a request pass whose bearer token is `ADMIN_TOKEN`; where none is set there are no such routes.
 *
 * @throws Error when the deployment's token is too short: it opens nothing
 */
export const requireAdminToken = createMiddleware<AppEnv>(async (c, next) => {
  const expected = c.env.ADMIN_TOKEN ?? "";
  if (expected === "") {
    return notFound(c);
  }
  if (expected.length < MIN_TOKEN_LENGTH) {
    throw new Error(
      `ADMIN_TOKEN has ${expected.length} characters, expected at least ${MIN_TOKEN_LENGTH}`,
    );
  }
  const token = bearerToken(c.req.header("Authorization"));
  // Digests are compared, so that not even the length is told by the time it takes.
  const [given, right] = await Promise.all([sha256Hex(token ?? ""), sha256Hex(expected)]);
  if (token === undefined || !equalInConstantTime(given, right)) {
    c.header("WWW-Authenticate", "Bearer");
    throw new ApiError(
      "invalid_api_key",
      "Expected the header `Authorization: Bearer ADMIN_TOKEN` with the administrator's token.",
    );
  }
  await next();
  c.header("Cache-Control", "no-store"); // an answer may hold a key
  return undefined;
});
