import type { Env } from "../env.ts";
import { createLogger } from "../observability/logger.ts";
import type { Logger } from "../observability/logger.ts";
import { limiterOf } from "./request-books.ts";
import { UsageRecord } from "./usage-records.ts";
import { insertOf } from "./usage-table.ts";

interface Delivery {
  message: Message;
  record: UsageRecord;
}

/**
 * Stores the records of a batch, each once however often it comes, and tells the keys' limiters,
 * which sent them. A message that fails is taken again alone: if this threw, the whole batch would be.
 */
export async function storeUsage(batch: MessageBatch, env: Env): Promise<void> {
  const logger = createLogger(env.LOG);
  const deliveries = batch.messages.flatMap((message): Delivery[] => {
    const { data: record, error } = UsageRecord.safeParse(message.body);
    if (record === undefined) {
      logger.error("usage_unreadable", { message: message.id, cause: error });
      message.retry(); // in the end it is kept with the dead letters
      return [];
    }
    return [{ message, record }];
  });
  const stored = await storeAll(env.DB, deliveries, logger);
  await acknowledge(env, stored, logger);
}

/** In one transaction, or if that fails one by one. Resolves to what was stored. */
async function storeAll(
  db: D1Database,
  deliveries: readonly Delivery[],
  logger: Logger,
): Promise<UsageRecord[]> {
  if (deliveries.length === 0) {
    return [];
  }
  try {
    await db.batch(deliveries.map(({ record }) => insertOf(db, record)));
    return deliveries.map(takeOff);
  } catch (cause) {
    logger.warn("usage_batch_failed", { cause });
  }
  const stored: UsageRecord[] = [];
  for (const delivery of deliveries) {
    try {
      await insertOf(db, delivery.record).run();
      stored.push(takeOff(delivery));
    } catch (cause) {
      logger.error("usage_not_recorded", { id: delivery.record.id, cause });
      delivery.message.retry();
    }
  }
  return stored;
}

function takeOff({ message, record }: Delivery): UsageRecord {
  message.ack();
  return record;
}

/** Lets the limiters forget what is stored. One that does not hear of it sends its records again, which changes nothing. */
async function acknowledge(
  env: Env,
  stored: readonly UsageRecord[],
  logger: Logger,
): Promise<void> {
  const byKey = Map.groupBy(stored, ({ apiKeyId }) => apiKeyId);
  await Promise.all(
    [...byKey].map(async ([apiKeyId, records]) => {
      try {
        await limiterOf(env, apiKeyId).forget(records.map(({ id }) => id));
      } catch (cause) {
        logger.warn("usage_not_acknowledged", { apiKeyId, cause });
      }
    }),
  );
}
