import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { WebhookDeliveryList, WebhookEndpointWithSecret } from "@qwen3-vl/shared/webhooks";
import { afterEach, expect, it } from "vitest";

import { Inbox } from "../../examples/webhook-receiver/inbox.ts";
import { receiveWebhooks } from "../../examples/webhook-receiver/receiver.ts";
import { verifyWithStandardWebhooks } from "../../examples/webhook-receiver/verify.ts";
import { KillableEdge } from "../support/books/killable-edge.ts";
import { listen } from "../support/listen.ts";

const resources = new AsyncDisposableStack();
afterEach(() => resources.disposeAsync());

const API_KEY = "sk-webhooks-through-a-crash";

async function startEdge(): Promise<KillableEdge> {
  const folder = await mkdtemp(join(tmpdir(), "webhooks-"));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const edge = await KillableEdge.create({
    folder,
    vars: {
      GPU_WORKER_URL: "http://127.0.0.1:9",
      GPU_WORKER_SECRET: "x".repeat(32),
      WEBHOOK_SEALING_KEY: "y".repeat(32),
      DEV_API_KEY: API_KEY,
      ALLOW_HTTP_LOOPBACK: "true",
      LOG: "silent",
    },
  });
  resources.use(edge);
  await edge.start();
  return edge;
}

async function call(edge: KillableEdge, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(`${edge.url}/v1${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return answer.json();
}

it("an event that was being sent when the edge was killed arrives after its restart, under the same id", async () => {
  const edge = await startEdge();
  const ids: string[] = [];
  const inbox = new Inbox(":memory:");
  let handle: ReturnType<typeof receiveWebhooks> | undefined;
  const receiver = createServer((request, response) => {
    ids.push(String(request.headers["webhook-id"]));
    if (ids.length > 1) {
      handle?.(request, response); // the first is never answered: the edge dies meanwhile
    }
  });
  const url = `http://127.0.0.1:${await listen(receiver)}/`;
  resources.defer(() => {
    receiver.closeAllConnections();
    receiver.close();
    inbox.close();
  });

  const created = await call(edge, "/webhook_endpoints", { url });
  const { id, secret } = WebhookEndpointWithSecret.parse(created);
  handle = receiveWebhooks({
    verify: verifyWithStandardWebhooks(secret),
    inbox,
    onArrival: () => undefined,
  });
  await call(edge, `/webhook_endpoints/${id}/test`, {});
  await expect.poll(() => ids.length).toBe(1);
  await edge.kill();
  await edge.start();
  // Whoever wakes the sender finds what is left: the next event, or the sweep.
  await call(edge, `/webhook_endpoints/${id}/test`, {});

  const delivered = async () =>
    WebhookDeliveryList.parse(await call(edge, `/webhook_deliveries?endpoint=${id}`)).data;
  const once = { status: "delivered", attempts: [{ number: 1, status_code: 204 }] };
  await expect.poll(delivered).toMatchObject([once, once]);
  const [interrupted] = ids;
  expect(ids.filter((each) => each === interrupted)).toHaveLength(2);
  expect(new Set(ids).size).toBe(2);
  expect(ids).toContain(inbox.next()?.id);
}, 120_000);
