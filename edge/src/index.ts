import { createApp } from "./app.ts";
import type { Env } from "./env.ts";
import { createLogger } from "./observability/logger.ts";
import { findStorage } from "./storage/storage-settings.ts";
import { sweep } from "./uploads/sweep.ts";
import { storeUsage } from "./usage/usage-consumer.ts";
import { wakeOverdueSenders } from "./webhooks/wake-senders.ts";

export { IdempotentAnswer } from "./idempotency/idempotent-answer.ts";
export { KeyLimiter } from "./limits/key-limiter.ts";
export { WebhookSender } from "./webhooks/webhook-sender.ts";

const app = createApp();

export default {
  fetch: app.fetch,
  queue: storeUsage,
  scheduled: (_, env, context) =>
    context.waitUntil(Promise.all([sweepStorage(env), wakeOverdueSenders(env, Date.now())])),
} satisfies ExportedHandler<Env>;

async function sweepStorage(env: Env): Promise<void> {
  const s3 = findStorage(env);
  if (s3 !== undefined) {
    createLogger(env.LOG).info("swept", { ...(await sweep({ db: env.DB, s3 }, Date.now())) });
  }
}
