/** Webhooks by the Standard Webhooks specification, as clients see them. Times are seconds since 1970. */
import * as z from "zod";

export const WEBHOOK_ENDPOINT_ID = /^we_[\da-f]{32}$/;
export const WEBHOOK_DELIVERY_ID = /^evt_[\da-f]{32}$/;

/** What endpoints may be told. */
export const WebhookEventType = z.enum([
  "job.completed",
  "job.failed",
  "job.cancelled",
  "job.expired",
  "job.progress",
]);
export type WebhookEventType = z.infer<typeof WebhookEventType>;

/** Sent by `POST /v1/webhook_endpoints/{id}/test` alone, whatever the endpoint's filter. */
export const WEBHOOK_TEST = "webhook.test";

/** All ends; progress may come every second. */
const DEFAULT_EVENTS: readonly WebhookEventType[] = WebhookEventType.options.filter(
  (type) => type !== "job.progress",
);

const Url = z
  .string()
  .min(1)
  .max(2048)
  .describe("`https:` on port 443 or 8443, of a public host, without user name and password.");

const Events = z
  .array(WebhookEventType)
  .min(1)
  .max(WebhookEventType.options.length)
  .overwrite((types) => [...new Set(types)])
  .describe("What it is told; all but `job.progress` unless said.");

const Payload = z
  .enum(["thin", "full"])
  .describe("`full` sends a job's whole result along, `thin` what lists show of the job.");

const Description = z.string().max(500).describe("For people.");

/** Looked at where secrets are read: what zod says of a text quotes it. */
const Secret = z
  .string()
  .describe("Your own: `whsec_` and base64 of 24 to 64 bytes; made up unless said.");

/** `POST /v1/webhook_endpoints` */
export const NewWebhookEndpoint = z.strictObject({
  url: Url,
  events: Events.default([...DEFAULT_EVENTS]),
  description: Description.default(""),
  payload: Payload.default("thin"),
  secret: Secret.optional(),
});
export type NewWebhookEndpoint = z.infer<typeof NewWebhookEndpoint>;

const Status = z.enum(["enabled", "disabled"]);

/** `PATCH /v1/webhook_endpoints/{id}`: what is not said stays. */
export const ChangeWebhookEndpoint = z.strictObject({
  url: Url.optional(),
  events: Events.optional(),
  description: Description.optional(),
  payload: Payload.optional().describe("Of deliveries to come."),
  status: Status.optional().describe(
    "A disabled endpoint is told nothing; what is pending waits and goes on once it is enabled.",
  ),
});
export type ChangeWebhookEndpoint = z.infer<typeof ChangeWebhookEndpoint>;

const DAY_SECONDS = 86_400;

/** `POST /v1/webhook_endpoints/{id}/rotate_secret` */
export const RotateWebhookSecret = z.strictObject({
  overlap_seconds: z
    .int()
    .min(0)
    .max(7 * DAY_SECONDS)
    .default(DAY_SECONDS)
    .describe("For so long both secrets sign."),
  secret: Secret.optional(),
});
export type RotateWebhookSecret = z.infer<typeof RotateWebhookSecret>;

const unixSeconds = z.int().nonnegative();

export const WebhookEndpoint = z.object({
  id: z.string().describe("`we_…`"),
  object: z.literal("webhook_endpoint"),
  url: z.string(),
  events: z.array(WebhookEventType),
  description: z.string(),
  payload: Payload,
  status: Status,
  disabled_reason: z
    .string()
    .nullable()
    .describe("Why it was disabled, where that was not its owner."),
  failing_since: unixSeconds
    .nullable()
    .describe("When deliveries began to fail of which none has succeeded since."),
  previous_secret_expires_at: unixSeconds
    .nullable()
    .describe("Until when the secret before the last rotation signs as well."),
  created_at: unixSeconds,
  updated_at: unixSeconds,
});
export type WebhookEndpoint = z.infer<typeof WebhookEndpoint>;

/** What creating an endpoint and rotating its secret answer: the secret is shown this once. */
export const WebhookEndpointWithSecret = WebhookEndpoint.extend({
  secret: z.string().describe("`whsec_…`: what verifies signatures. It is not shown again."),
});
export type WebhookEndpointWithSecret = z.infer<typeof WebhookEndpointWithSecret>;

export const WebhookEndpointDeleted = z.object({
  id: z.string(),
  object: z.literal("webhook_endpoint"),
  deleted: z.literal(true),
});
export type WebhookEndpointDeleted = z.infer<typeof WebhookEndpointDeleted>;

const listOf = <T extends z.ZodType>(data: T) =>
  z.object({
    object: z.literal("list"),
    data: z.array(data),
    first_id: z.string().nullable(),
    last_id: z.string().nullable().describe("For `after`, where `has_more`."),
    has_more: z.boolean(),
  });

export const WebhookEndpointList = listOf(WebhookEndpoint);
export type WebhookEndpointList = z.infer<typeof WebhookEndpointList>;

const page = {
  limit: z.coerce.number().int().min(1).max(100).default(20),
  order: z.enum(["asc", "desc"]).default("desc").describe("By the time they were made."),
  after: z.string().max(100).optional().describe("The last id of the page before."),
};

/** Query of `GET /v1/webhook_endpoints`. */
export const ListWebhookEndpoints = z.strictObject(page);

/** One try to send a delivery. */
export const WebhookAttempt = z.object({
  number: z.int().positive(),
  at: unixSeconds,
  duration_ms: z.int().nonnegative(),
  status_code: z.int().nullable().describe("Null where no answer came."),
  error: z.string().nullable().describe("In words, where it failed."),
});

export const WebhookDeliveryStatus = z
  .enum(["pending", "delivered", "failed"])
  .describe("`failed`: all attempts are used.");

/** One event for one endpoint. */
export const WebhookDelivery = z.object({
  id: z.string().describe("`evt_…`: the header `webhook-id`, the same at each attempt."),
  object: z.literal("webhook_delivery"),
  endpoint: z.string(),
  type: z.string(),
  job: z.string().nullable(),
  status: WebhookDeliveryStatus,
  next_attempt_at: unixSeconds
    .nullable()
    .describe("Null where it has ended, or waits for its endpoint to be enabled."),
  attempts: z.array(WebhookAttempt),
  created_at: unixSeconds,
  ended_at: unixSeconds.nullable(),
});
export type WebhookDelivery = z.infer<typeof WebhookDelivery>;

export const WebhookDeliveryList = listOf(WebhookDelivery);
export type WebhookDeliveryList = z.infer<typeof WebhookDeliveryList>;

/** Query of `GET /v1/webhook_deliveries`. */
export const ListWebhookDeliveries = z.strictObject({
  ...page,
  endpoint: z.string().max(100).optional().describe("Of this endpoint only."),
  job: z.string().max(100).optional().describe("Of this job only."),
  status: WebhookDeliveryStatus.optional(),
});
export type ListWebhookDeliveries = z.infer<typeof ListWebhookDeliveries>;

/** The body that receivers get. */
export const WebhookEvent = z.object({
  id: z.string().describe("As the header `webhook-id`."),
  object: z.literal("event"),
  type: z.string(),
  created_at: unixSeconds,
  data: z
    .record(z.string(), z.unknown())
    .describe("The job as lists show it; with the payload `full` also its `result`."),
});
export type WebhookEvent = z.infer<typeof WebhookEvent>;
