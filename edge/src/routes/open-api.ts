import { Hono } from "hono";

import type { AppEnv } from "../env.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";
import { API } from "../openapi/api.ts";
import { openApiDocument } from "../openapi/document.ts";

/** `GET /openapi.json`, made at the first request: most instances of the Worker are never asked. */
export function openApi(): Hono<AppEnv> {
  let text: string | undefined;
  return new Hono<AppEnv>()
    .get("/", (c) => {
      text ??= JSON.stringify(openApiDocument(API));
      return c.body(text, 200, { "Content-Type": "application/json" });
    })
    .all(methodNotAllowed("GET"));
}
