import { Hono } from "hono";

import type { AppEnv } from "../env.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";
import { API } from "../openapi/api.ts";
import { docsPage } from "../openapi/docs-page.ts";
import { openApiDocument } from "../openapi/document.ts";

/** The page has styles of its own and nothing else: no script, nothing from elsewhere. */
const HEADERS = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
  "X-Content-Type-Options": "nosniff",
};

/** `GET /docs`: `/openapi.json` for people. */
export function docs(): Hono<AppEnv> {
  let page: string | undefined;
  return new Hono<AppEnv>()
    .get("/", (c) => {
      page ??= docsPage(openApiDocument(API));
      return c.body(page, 200, HEADERS);
    })
    .all(methodNotAllowed("GET"));
}
