import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Webhook } from "standardwebhooks";
import { afterEach, describe, expect, it } from "vitest";

import { Inbox } from "../../examples/webhook-receiver/inbox.ts";
import { receiveWebhooks } from "../../examples/webhook-receiver/receiver.ts";
import {
  verifyWithOpenai,
  verifyWithStandardWebhooks,
} from "../../examples/webhook-receiver/verify.ts";
import { listen } from "../support/listen.ts";

const SECRET = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
const BODY = '{"type":"job.completed","data":{"text":"Körbe 🧺"}}';

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0)) {
    await close();
  }
});

async function startReceiver(verifyWith = verifyWithStandardWebhooks, path = ":memory:") {
  const inbox = new Inbox(path);
  let arrivals = 0;
  const handler = receiveWebhooks({
    verify: verifyWith(SECRET),
    inbox,
    onArrival: () => {
      arrivals++;
    },
  });
  const server = createServer(handler);
  const port = await listen(server);
  opened.push(
    () => server.close(),
    () => inbox.close(),
  );
  return { url: `http://127.0.0.1:${port}/`, inbox, arrivals: () => arrivals };
}

interface Sent {
  id?: string;
  secondsAgo?: number;
  secret?: string;
  body?: string;
}

/** Signed as this API signs, by the package's own hand. */
async function send(url: string, { id = "evt_1", secondsAgo = 0, ...sent }: Sent): Promise<number> {
  const at = new Date(Date.now() - secondsAgo * 1000);
  const headers = {
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": new Webhook(sent.secret ?? SECRET).sign(id, at, BODY),
  };
  const { status } = await fetch(url, { method: "POST", headers, body: sent.body ?? BODY });
  return status;
}

describe.each([
  ["standardwebhooks", verifyWithStandardWebhooks],
  ["openai", verifyWithOpenai],
])("the receiver of examples/ with %s", (_, verifyWith) => {
  it("takes a signed event, and a repeat of it only once", async () => {
    const { url, inbox, arrivals } = await startReceiver(verifyWith);
    expect([await send(url, {}), await send(url, {})]).toEqual([204, 204]);
    expect(arrivals()).toBe(1);
    expect(inbox.next()).toEqual({ id: "evt_1", body: BODY });
    inbox.done("evt_1");
    expect(await send(url, {})).toBe(204);
    expect(inbox.next()).toBeUndefined();
  });

  it.each<[string, Sent]>([
    ["that is replayed after six minutes", { secondsAgo: 360 }],
    ["from the future", { secondsAgo: -360 }],
    ["signed by somebody else", { secret: `whsec_${Buffer.alloc(32, 8).toString("base64")}` }],
    ["that was changed on the way", { body: BODY.replace("completed", "failed") }],
  ])("refuses an event %s", async (_name, sent) => {
    const { url, inbox } = await startReceiver(verifyWith);
    expect(await send(url, sent)).toBe(400);
    expect(inbox.next()).toBeUndefined();
  });

  it("takes one that is four minutes old, as a slow network brings it", async () => {
    const { url } = await startReceiver(verifyWith);
    expect(await send(url, { secondsAgo: 240 })).toBe(204);
  });

  it.each(["", "whsec_", "whsec_c2hvcnQ=", "no prefix but long enough to be a secret"])(
    "does not start with the secret %j",
    (secret) => {
      expect(() => verifyWith(secret)).toThrow(/^WEBHOOK_SECRET: expected whsec_/);
    },
  );
});

describe("the receiver of examples/", () => {
  it("refuses what is unsigned, too large or no POST", async () => {
    const { url, inbox } = await startReceiver();
    expect((await fetch(url, { method: "POST", body: BODY })).status).toBe(400);
    expect((await fetch(url)).status).toBe(405);
    const large = await fetch(url, { method: "POST", body: "x".repeat(11 * 2 ** 20) }).then(
      ({ status }) => status,
      () => 413, // it may have hung up before all was sent
    );
    expect(large).toBe(413);
    expect(inbox.next()).toBeUndefined();
  });

  it("knows after a restart what it has taken before", async () => {
    const folder = await mkdtemp(join(tmpdir(), "inbox-"));
    const path = join(folder, "inbox.sqlite");
    const first = await startReceiver(verifyWithStandardWebhooks, path);
    await send(first.url, {});
    const second = await startReceiver(verifyWithStandardWebhooks, path);
    expect(second.inbox.next()?.id).toBe("evt_1");
    await send(second.url, {});
    expect(second.arrivals()).toBe(0);
    opened.push(() => rm(folder, { recursive: true }));
  });
});
