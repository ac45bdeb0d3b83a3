import { Hono } from "hono";

import type { AppEnv } from "./env.ts";
import { answerError, notFound } from "./middleware/answer-error.ts";
import { cors } from "./middleware/cors.ts";
import { drainRefusedRequest } from "./middleware/drain-refused-request.ts";
import { tellRateLimits } from "./middleware/rate-limit-headers.ts";
import { requestId } from "./middleware/request-id.ts";
import { requireAdminToken } from "./middleware/require-admin-token.ts";
import { requireApiKey } from "./middleware/require-api-key.ts";
import { requireScope } from "./middleware/require-scope.ts";
import { adminKeys } from "./routes/admin-keys.ts";
import { chatCompletions } from "./routes/chat-completions.ts";
import { docs } from "./routes/docs.ts";
import { estimate } from "./routes/estimate.ts";
import { files } from "./routes/files.ts";
import { health } from "./routes/health.ts";
import { models } from "./routes/models.ts";
import { openApi } from "./routes/open-api.ts";
import { uploads } from "./routes/uploads.ts";
import { usage } from "./routes/usage.ts";

/** The API on one screen. */
export function createApp(): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .onError(answerError)
    .notFound(notFound)
    .use(requestId)
    .use(cors)
    .use(drainRefusedRequest)
    .route("/health", health)
    .route("/openapi.json", openApi())
    .route("/docs", docs())
    .use("/admin/*", requireAdminToken)
    .route("/admin/keys", adminKeys)
    .use("/v1/*", requireApiKey(), requireScope, tellRateLimits)
    .route("/v1/chat/completions/estimate", estimate)
    .route("/v1/chat/completions", chatCompletions)
    .route("/v1/models", models)
    .route("/v1/usage", usage)
    .route("/v1/files", files)
    .route("/v1/uploads", uploads);
}
