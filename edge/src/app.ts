import { Hono } from "hono";

import type { AppEnv } from "./env.ts";
import { answerError, notFound } from "./middleware/answer-error.ts";
import { cors } from "./middleware/cors.ts";
import { drainRefusedRequest } from "./middleware/drain-refused-request.ts";
import { requestId } from "./middleware/request-id.ts";
import { requireApiKey } from "./middleware/require-api-key.ts";
import { chatCompletions } from "./routes/chat-completions.ts";
import { estimate } from "./routes/estimate.ts";
import { files } from "./routes/files.ts";
import { health } from "./routes/health.ts";
import { models } from "./routes/models.ts";
import { uploads } from "./routes/uploads.ts";

/** The API on one screen. */
export function createApp(): Hono<AppEnv> {
  return new Hono<AppEnv>()
    .onError(answerError)
    .notFound(notFound)
    .use(requestId)
    .use(cors)
    .use(drainRefusedRequest)
    .route("/health", health)
    .use("/v1/*", requireApiKey())
    .route("/v1/chat/completions/estimate", estimate)
    .route("/v1/chat/completions", chatCompletions)
    .route("/v1/models", models)
    .route("/v1/files", files)
    .route("/v1/uploads", uploads);
}
