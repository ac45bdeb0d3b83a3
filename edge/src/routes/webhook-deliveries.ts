import { ApiError } from "@qwen3-vl/shared/errors";
import { ListWebhookDeliveries, WEBHOOK_DELIVERY_ID } from "@qwen3-vl/shared/webhooks";
import type { WebhookDeliveryList } from "@qwen3-vl/shared/webhooks";
import { Hono } from "hono";
import type { Context } from "hono";

import type { AppEnv } from "../env.ts";
import { existing } from "../http/existing.ts";
import { listPage } from "../http/list-page.ts";
import { parseValue } from "../http/parse-json-body.ts";
import { methodNotAllowed } from "../middleware/answer-error.ts";
import { requireWebhooks } from "../middleware/require-webhooks.ts";
import {
  attemptsOf,
  findOwnDelivery,
  listDeliveries,
  makeDueAgain,
} from "../webhooks/deliveries-table.ts";
import { showDelivery } from "../webhooks/delivery.ts";
import type { Delivery } from "../webhooks/delivery.ts";
import { findOwnEndpoint } from "../webhooks/endpoints-table.ts";
import { wakeSenders } from "../webhooks/wake-senders.ts";

const NOUN = "webhook delivery";

/** `/v1/webhook_deliveries`: what was sent to a tenant's endpoints, attempt by attempt. */
export const webhookDeliveries = new Hono<AppEnv>()
  .use(requireWebhooks)
  .get("/", async (c) => {
    const { limit, after, ...filters } = parseValue(c.req.query(), ListWebhookDeliveries);
    const cursor = after === undefined ? undefined : await ownDelivery(c, after, "after");
    const { order, endpoint, job, status } = filters;
    const listing = { limit: limit + 1, after: cursor, order, endpoint, job, status };
    const found = await listDeliveries(c.env.DB, c.var.apiKey.tenant, listing);
    const page = found.slice(0, limit);
    const attempts = await attemptsOf(
      c.env.DB,
      page.map(({ id }) => id),
    );
    const data = page.map((delivery) => showDelivery(delivery, attempts.get(delivery.id) ?? []));
    return c.json(listPage(data, found.length > limit) satisfies WebhookDeliveryList);
  })
  .get("/:id", async (c) => {
    const delivery = await ownDelivery(c, c.req.param("id"));
    const attempts = await attemptsOf(c.env.DB, [delivery.id]);
    return c.json(showDelivery(delivery, attempts.get(delivery.id) ?? []));
  })
  .post("/:id/redeliver", async (c) => {
    const { id, endpointId } = await ownDelivery(c, c.req.param("id"));
    const { tenant } = c.var.apiKey;
    const endpoint = await findOwnEndpoint(c.env.DB, tenant, endpointId);
    if (endpoint?.status !== "enabled") {
      throw new ApiError("conflict", "Expected an enabled endpoint, that of the delivery is not.");
    }
    const due = existing(await makeDueAgain(c.env.DB, id, Date.now()), NOUN);
    await wakeSenders(c.env, tenant);
    const attempts = await attemptsOf(c.env.DB, [id]);
    return c.json(showDelivery(due, attempts.get(id) ?? []));
  })
  .all("/", methodNotAllowed("GET"))
  .all("/:id", methodNotAllowed("GET"))
  .all("/:id/redeliver", methodNotAllowed("POST"));

/** @throws ApiError `not_found` for another tenant's delivery as for none */
async function ownDelivery(c: Context<AppEnv>, id: string, param = "id"): Promise<Delivery> {
  const { tenant } = c.var.apiKey;
  return existing(
    WEBHOOK_DELIVERY_ID.test(id) ? await findOwnDelivery(c.env.DB, tenant, id) : undefined,
    NOUN,
    param,
  );
}
