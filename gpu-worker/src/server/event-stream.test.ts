import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";

import { afterEach, beforeEach, expect, it } from "vitest";

import { EventStream } from "./event-stream.ts";
import { listen, open } from "./test-calls.ts";

const server = createServer();
const large = { data: "x".repeat(2 ** 20) };

let client: IncomingMessage;
let response: ServerResponse;
let stream: EventStream;

beforeEach(async () => {
  const port = await listen(server);
  const served = once(server, "request");
  const opened = open({ port }, { path: "/" });
  [, response] = await served;
  stream = new EventStream(response, { "X-Extra": "1" });
  ({ response: client } = await opened);
});
afterEach(async () => {
  stream.end();
  server.close();
  server.closeAllConnections();
  await once(server, "close");
});

function listeners(): number {
  return response.listenerCount("close") + response.listenerCount("drain");
}

it("sends its headers before any event", () => {
  expect(client.headers).toMatchObject({
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-extra": "1",
  });
});

it("waits for a slow client often without gathering listeners", async () => {
  const before = listeners();
  client.resume();
  for (let round = 0; round < 20; round++) {
    await stream.send(large);
  }
  expect(listeners()).toBe(before);
});

it("stops waiting when the client leaves, and sends no more", async () => {
  client.on("error", () => undefined);
  const sent = (async () => {
    while (!response.destroyed) {
      await stream.send(large);
    }
  })();
  client.destroy();
  await sent;
  response.on("error", () => undefined);
  await stream.send(large);
  expect(response.destroyed).toBe(true);
});
