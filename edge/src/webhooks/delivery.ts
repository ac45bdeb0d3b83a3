import type { WebhookDelivery } from "@qwen3-vl/shared/webhooks";

/** One event for one endpoint. Times are milliseconds since 1970. */
export interface Delivery {
  id: string;
  endpointId: string;
  type: string;
  jobId: string | null;
  status: WebhookDelivery["status"];
  /** Null where it has ended, or waits for its endpoint. */
  nextAt: number | null;
  createdAt: number;
  endedAt: number | null;
}

export interface Attempt {
  /** From 1. */
  number: number;
  at: number;
  durationMs: number;
  /** Null where no answer came. */
  statusCode: number | null;
  /** In words, where it failed. */
  error: string | null;
}

export function newDeliveryId(): string {
  return `evt_${crypto.randomUUID().replaceAll("-", "")}`;
}

const seconds = (milliseconds: number) => Math.floor(milliseconds / 1000);
const secondsOrNull = (milliseconds: number | null) =>
  milliseconds === null ? null : seconds(milliseconds);

/** What clients see of it. */
export function showDelivery(delivery: Delivery, attempts: readonly Attempt[]): WebhookDelivery {
  return {
    id: delivery.id,
    object: "webhook_delivery",
    endpoint: delivery.endpointId,
    type: delivery.type,
    job: delivery.jobId,
    status: delivery.status,
    next_attempt_at: secondsOrNull(delivery.nextAt),
    attempts: attempts.map(({ number, at, durationMs, statusCode, error }) => ({
      number,
      at: seconds(at),
      duration_ms: durationMs,
      status_code: statusCode,
      error,
    })),
    created_at: seconds(delivery.createdAt),
    ended_at: secondsOrNull(delivery.endedAt),
  };
}
