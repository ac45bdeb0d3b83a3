import { createApp } from "./app.ts";
import type { Env } from "./env.ts";
import { createLogger } from "./observability/logger.ts";
import { findStorage } from "./storage/storage-settings.ts";
import { sweep } from "./uploads/sweep.ts";
import { storeUsage } from "./usage/usage-consumer.ts";
import { sweepWebhooks } from "./webhooks/sweep.ts";

export { IdempotentAnswer } from "./idempotency/idempotent-answer.ts";
export { KeyLimiter } from "./limits/key-limiter.ts";
export { WebhookSender } from "./webhooks/webhook-sender.ts";

const app = createApp();

export default {
  fetch: app.fetch,
  queue: storeUsage,
  scheduled: (_, env, context) =>
    context.waitUntil(Promise.all([sweepStorage(env), sweepEvents(env)])),
} satisfies ExportedHandler<Env>;

async function sweepStorage(env: Env): Promise<void> {
  const s3 = findStorage(env);
  if (s3 !== undefined) {
    createLogger(env.LOG).info("swept", { ...(await sweep({ db: env.DB, s3 }, Date.now())) });
  }
}

async function sweepEvents(env: Env): Promise<void> {
  createLogger(env.LOG).info("swept_webhooks", { ...(await sweepWebhooks(env, Date.now())) });
}
