import { createMiddleware } from "hono/factory";

import type { AppEnv } from "../env.ts";
import { isLimited } from "../limits/limits.ts";
import { rateLimitHeaders } from "../limits/rate-limit-headers.ts";
import { createLogger } from "../observability/logger.ts";
import { limiterOf } from "../usage/request-books.ts";

/** Tells on every answer to a key with limits how it stands with them. */
export const tellRateLimits = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const { books, apiKey } = c.var;
  if (!isLimited(apiKey.limits)) {
    return;
  }
  try {
    const standings =
      books?.standings ?? (await limiterOf(c.env, apiKey.id).standings(apiKey.limits));
    for (const [name, value] of rateLimitHeaders(standings, Date.now())) {
      c.header(name, value);
    }
  } catch (cause) {
    createLogger(c.env.LOG).warn("standings_unknown", { apiKeyId: apiKey.id, cause });
  }
});
