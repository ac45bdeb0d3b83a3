import type { WebhookEndpoint, WebhookEventType } from "@qwen3-vl/shared/webhooks";

/** Where a tenant's events are sent. Times are milliseconds since 1970. */
export interface Endpoint {
  id: string;
  tenant: string;
  url: string;
  description: string;
  events: WebhookEventType[];
  payload: "thin" | "full";
  /** Sealed. */
  secret: string;
  /** Sealed; the one before the last rotation. */
  previousSecret: string | null;
  previousExpiresAt: number | null;
  status: "enabled" | "disabled";
  disabledReason: string | null;
  failingSince: number | null;
  createdAt: number;
  updatedAt: number;
}

export function newEndpointId(): string {
  return `we_${crypto.randomUUID().replaceAll("-", "")}`;
}

const seconds = (milliseconds: number) => Math.floor(milliseconds / 1000);
const secondsOrNull = (milliseconds: number | null) =>
  milliseconds === null ? null : seconds(milliseconds);

/** What clients see of it. */
export function showEndpoint(endpoint: Endpoint, now: number): WebhookEndpoint {
  const { id, url, events, description, payload, status, previousExpiresAt } = endpoint;
  const isRotating = previousExpiresAt !== null && previousExpiresAt > now;
  return {
    id,
    object: "webhook_endpoint",
    url,
    events,
    description,
    payload,
    status,
    disabled_reason: endpoint.disabledReason,
    failing_since: secondsOrNull(endpoint.failingSince),
    previous_secret_expires_at: isRotating ? seconds(previousExpiresAt) : null,
    created_at: seconds(endpoint.createdAt),
    updated_at: seconds(endpoint.updatedAt),
  };
}
