import { createApp } from "./app.ts";
import type { Env } from "./env.ts";
import { storeUsage } from "./usage/usage-consumer.ts";

export { IdempotentAnswer } from "./idempotency/idempotent-answer.ts";
export { KeyLimiter } from "./limits/key-limiter.ts";

const app = createApp();

export default { fetch: app.fetch, queue: storeUsage } satisfies ExportedHandler<Env>;
