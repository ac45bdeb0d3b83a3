import { Hono } from "hono";

import type { AppEnv } from "./env.ts";
import { answerError, notFound } from "./middleware/answer-error.ts";
import { cors } from "./middleware/cors.ts";
import { drainRefusedRequest } from "./middleware/drain-refused-request.ts";
import { observeRequests } from "./middleware/observe-requests.ts";
import { provideBackends } from "./middleware/provide-backends.ts";
import { tellRateLimits } from "./middleware/rate-limit-headers.ts";
import { requestId } from "./middleware/request-id.ts";
import { requireAdminToken } from "./middleware/require-admin-token.ts";
import { requireApiKey } from "./middleware/require-api-key.ts";
import { requireScope } from "./middleware/require-scope.ts";
import { EdgeFigures } from "./observability/edge-figures.ts";
import { adminKeys } from "./routes/admin-keys.ts";
import { chatCompletions } from "./routes/chat-completions.ts";
import { docs } from "./routes/docs.ts";
import { estimate } from "./routes/estimate.ts";
import { files } from "./routes/files.ts";
import { health } from "./routes/health.ts";
import { metrics } from "./routes/metrics.ts";
import { models } from "./routes/models.ts";
import { openApi } from "./routes/open-api.ts";
import { uploads } from "./routes/uploads.ts";
import { usage } from "./routes/usage.ts";
import { webhookDeliveries } from "./routes/webhook-deliveries.ts";
import { webhookEndpoints } from "./routes/webhook-endpoints.ts";

/** The API on one screen. */
export function createApp(): Hono<AppEnv> {
  const figures = new EdgeFigures();
  return new Hono<AppEnv>()
    .onError(answerError)
    .notFound(notFound)
    .use(requestId)
    .use(observeRequests(figures))
    .use(cors)
    .use(drainRefusedRequest)
    .route("/health", health)
    .use("/metrics", requireAdminToken)
    .route("/metrics", metrics(figures))
    .route("/openapi.json", openApi())
    .route("/docs", docs())
    .use("/admin/*", requireAdminToken)
    .route("/admin/keys", adminKeys)
    .use("/v1/*", requireApiKey(), requireScope, tellRateLimits, provideBackends())
    .route("/v1/chat/completions/estimate", estimate)
    .route("/v1/chat/completions", chatCompletions)
    .route("/v1/models", models)
    .route("/v1/usage", usage)
    .route("/v1/webhook_endpoints", webhookEndpoints)
    .route("/v1/webhook_deliveries", webhookDeliveries)
    .route("/v1/files", files)
    .route("/v1/uploads", uploads);
}
