import { ApiError } from "@qwen3-vl/shared/errors";
import type { MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";

import type { AppEnv } from "../env.ts";
import { ApiKeyCache } from "../keys/api-key-cache.ts";
import { isUsable } from "../keys/api-key.ts";
import type { ApiKey } from "../keys/api-key.ts";
import { findApiKey, insertApiKey } from "../keys/api-keys-table.ts";
import { hashSecret, shownPrefix } from "../keys/key-secret.ts";
import { bearerToken } from "./bearer-token.ts";

/**
 * Lets a request pass whose bearer token is a key that has neither expired nor been revoked.
 *
 * Of the key itself nothing is ever compared: from here on there is only its SHA-256, in which a right
 * beginning leaves no trace, so how long a refusal takes tells nothing about keys.
 */
export function requireApiKey(): MiddlewareHandler<AppEnv> {
  const cache = new ApiKeyCache();

  return createMiddleware<AppEnv>(async (c, next) => {
    const key = bearerToken(c.req.header("Authorization"));
    if (key === undefined) {
      c.header("WWW-Authenticate", "Bearer");
      throw new ApiError("invalid_api_key", "Expected the header `Authorization: Bearer API_KEY`.");
    }
    const now = Date.now();
    const hash = await hashSecret(key);
    const apiKey = cache.get(hash, now) ?? (await lookUp(c.env, hash));
    if (apiKey === undefined || !isUsable(apiKey, now)) {
      c.header("WWW-Authenticate", 'Bearer error="invalid_token"');
      throw new ApiError("invalid_api_key", "The API key is unknown, expired or revoked.");
    }
    cache.add(apiKey, now);
    c.set("apiKey", apiKey);
    await next();
  });
}

async function lookUp(
  { DB, DEV_API_KEY }: AppEnv["Bindings"],
  hash: string,
): Promise<ApiKey | undefined> {
  if (DEV_API_KEY !== undefined && hash === (await hashSecret(DEV_API_KEY))) {
    const prefix = shownPrefix(DEV_API_KEY);
    await insertApiKey(DB, { hash, prefix, name: "development", createdAt: Date.now() });
  }
  return findApiKey(DB, hash);
}
