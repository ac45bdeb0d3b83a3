import { ApiError } from "@qwen3-vl/shared/errors";
import {
  ChangeWebhookEndpoint,
  ListWebhookEndpoints,
  NewWebhookEndpoint,
  RotateWebhookSecret,
  WEBHOOK_ENDPOINT_ID,
} from "@qwen3-vl/shared/webhooks";
import type {
  WebhookEndpointDeleted,
  WebhookEndpointList,
  WebhookEndpointWithSecret,
} from "@qwen3-vl/shared/webhooks";
import { Hono } from "hono";
import type { Context } from "hono";

import type { AppEnv } from "../env.ts";
import { existing } from "../http/existing.ts";
import { listPage } from "../http/list-page.ts";
import { parseJsonBody, parseValue } from "../http/parse-json-body.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";
import { requireWebhooks } from "../middleware/require-webhooks.ts";
import { insertTestDelivery } from "../webhooks/deliveries-table.ts";
import { newDeliveryId, showDelivery } from "../webhooks/delivery.ts";
import { newEndpointId, showEndpoint } from "../webhooks/endpoint.ts";
import type { Endpoint } from "../webhooks/endpoint.ts";
import {
  MAX_ENDPOINTS,
  changeEndpoint,
  deleteEndpoint,
  findOwnEndpoint,
  insertEndpoint,
  listEndpoints,
  rotateSecret,
} from "../webhooks/endpoints-table.ts";
import { permittedWebhookUrl } from "../webhooks/judge-webhook-url.ts";
import { requireSealer } from "../webhooks/secret-sealer.ts";
import { wakeSenders } from "../webhooks/wake-senders.ts";
import { webhookSecretOf } from "../webhooks/webhook-secret.ts";

const NOUN = "webhook endpoint";

/** `/v1/webhook_endpoints`: where a tenant's events are sent. */
export const webhookEndpoints = new Hono<AppEnv>()
  .use(requireWebhooks)
  .post("/", async (c) => {
    const { secret: own, ...settings } = await parseJsonBody(c.req.raw, NewWebhookEndpoint);
    const url = permittedWebhookUrl(settings.url, c.env);
    const secret = webhookSecretOf(own);
    const { tenant, id: apiKeyId } = c.var.apiKey;
    const id = newEndpointId();
    const sealed = await requireSealer(c.env).seal(secret, id);
    const row = { ...settings, id, tenant, apiKeyId, url, secret: sealed };
    const endpoint = await insertEndpoint(c.env.DB, row, Date.now());
    if (endpoint === undefined) {
      const message = `Expected at most ${MAX_ENDPOINTS} webhook endpoints; delete one first.`;
      throw new ApiError("conflict", message);
    }
    return withSecret(c, endpoint, secret);
  })
  .get("/", async (c) => {
    const { limit, order, after } = parseValue(c.req.query(), ListWebhookEndpoints);
    const cursor = after === undefined ? undefined : await ownEndpoint(c, after, "after");
    const listing = { limit: limit + 1, order, after: cursor };
    const found = await listEndpoints(c.env.DB, c.var.apiKey.tenant, listing);
    const now = Date.now();
    const data = found.slice(0, limit).map((endpoint) => showEndpoint(endpoint, now));
    return c.json(listPage(data, found.length > limit) satisfies WebhookEndpointList);
  })
  .get("/:id", async (c) =>
    c.json(showEndpoint(await ownEndpoint(c, c.req.param("id")), Date.now())),
  )
  .patch("/:id", async (c) => {
    const change = await parseJsonBody(c.req.raw, ChangeWebhookEndpoint);
    const { id } = await ownEndpoint(c, c.req.param("id"));
    const url = change.url === undefined ? {} : { url: permittedWebhookUrl(change.url, c.env) };
    const now = Date.now();
    const changed = existing(await changeEndpoint(c.env.DB, id, { ...change, ...url }, now), NOUN);
    await wakeSenders(c.env, changed.tenant); // for what has waited
    return c.json(showEndpoint(changed, now));
  })
  .delete("/:id", async (c) => {
    const { id } = await ownEndpoint(c, c.req.param("id"));
    await deleteEndpoint(c.env.DB, id);
    return c.json({
      id,
      object: "webhook_endpoint",
      deleted: true,
    } satisfies WebhookEndpointDeleted);
  })
  .post("/:id/rotate_secret", async (c) => {
    const body = await parseJsonBody(c.req.raw, RotateWebhookSecret, { optional: true });
    const { id } = await ownEndpoint(c, c.req.param("id"));
    const secret = webhookSecretOf(body.secret);
    const now = Date.now();
    const rotation = {
      secret: await requireSealer(c.env).seal(secret, id),
      previousExpiresAt: now + body.overlap_seconds * 1000,
    };
    return withSecret(c, existing(await rotateSecret(c.env.DB, id, rotation, now), NOUN), secret);
  })
  .post("/:id/test", async (c) => {
    const endpoint = await ownEndpoint(c, c.req.param("id"));
    if (endpoint.status === "disabled") {
      throw new ApiError("conflict", "Expected an enabled endpoint, this one is disabled.");
    }
    const event = { id: newDeliveryId(), now: Date.now() };
    const delivery = await insertTestDelivery(c.env.DB, endpoint, event);
    await wakeSenders(c.env, endpoint.tenant);
    return c.json(showDelivery(delivery, []));
  })
  .all("/", methodNotAllowed("GET", "POST"))
  .all("/:id", methodNotAllowed("GET", "PATCH", "DELETE"))
  .all("/:id/rotate_secret", methodNotAllowed("POST"))
  .all("/:id/test", methodNotAllowed("POST"));

/** @throws ApiError `not_found` for another tenant's endpoint as for none */
async function ownEndpoint(c: Context<AppEnv>, id: string, param = "id"): Promise<Endpoint> {
  const { tenant } = c.var.apiKey;
  return existing(
    WEBHOOK_ENDPOINT_ID.test(id) ? await findOwnEndpoint(c.env.DB, tenant, id) : undefined,
    NOUN,
    param,
  );
}

function withSecret(c: Context<AppEnv>, endpoint: Endpoint, secret: string): Response {
  c.header("Cache-Control", "no-store");
  const shown = showEndpoint(endpoint, Date.now());
  return c.json({ ...shown, secret } satisfies WebhookEndpointWithSecret);
}
