import { cors as honoCors } from "hono/cors";

import { REPLAYED_HEADER } from "../idempotency/idempotency-headers.ts";
import { RATE_LIMIT_HEADERS } from "../limits/rate-limit-headers.ts";

/** Any origin may call: the key in the header is the only credential, cookies are never read. */
export const cors = honoCors({
  origin: "*",
  allowMethods: ["GET", "POST", "PATCH", "DELETE"],
  exposeHeaders: [
    "X-Request-Id",
    "Retry-After",
    REPLAYED_HEADER,
    ...Object.keys(RATE_LIMIT_HEADERS),
  ],
  maxAge: 86_400,
});
