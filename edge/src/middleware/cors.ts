import { cors as honoCors } from "hono/cors";

/** Any origin may call: the key in the header is the only credential, cookies are never read. */
export const cors = honoCors({
  origin: "*",
  allowMethods: ["GET", "POST", "DELETE"],
  exposeHeaders: ["X-Request-Id", "Retry-After"],
  maxAge: 86_400,
});
