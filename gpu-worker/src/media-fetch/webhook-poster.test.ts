import type { LookupAddress } from "node:dns";
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { WebhookPoster } from "./webhook-poster.ts";

interface Received {
  method: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

let received: Received[] = [];
let port = 0;
const receiver = createServer((request, response) => void take(request, response));

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  received.push({ method: request.method, headers: request.headers, body });
  if (request.url === "/endless") {
    response.write(Buffer.alloc(2 ** 20));
  } else if (request.url !== "/never") {
    const status = Number(request.url?.slice(1));
    const headers = { 429: { "Retry-After": "7" }, 307: { Location: "/200" } }[status];
    response.writeHead(status, headers).end();
  }
}

beforeAll(async () => {
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  const address = receiver.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
});
beforeEach(() => {
  received = [];
});
afterAll(() => {
  receiver.closeAllConnections();
  receiver.close();
});

const HERE = { address: "127.0.0.1", family: 4 };
const here = (path: string) => `http://localhost:${port}${path}`;

interface Options {
  /** What the name server says. */
  addresses?: readonly LookupAddress[];
  timeoutMs?: number;
  allowHttpLoopback?: boolean;
}

function post(url: string, options: Options = {}) {
  const { addresses = [HERE], timeoutMs = 5000, allowHttpLoopback = true } = options;
  const lookup = () => Promise.resolve(addresses);
  const poster = new WebhookPoster({ lookup, egressProxy: undefined, allowHttpLoopback });
  const call = {
    url,
    policy: { allowHttpLoopback: true, hosts: [] },
    headers: { "Content-Type": "application/json", "webhook-id": "evt_1" },
    body: '{"text":"Körbe 🧺"}',
    timeout_ms: timeoutMs,
  };
  return poster.post(call, new AbortController().signal);
}

describe("a webhook sent by the GPU worker", () => {
  it("arrives byte for byte, with its headers", async () => {
    expect(await post(here("/204"))).toEqual({ status_code: 204, retry_after: null });
    expect(received).toMatchObject([
      {
        method: "POST",
        headers: {
          "webhook-id": "evt_1",
          "content-type": "application/json",
          "content-length": "22",
        },
        body: '{"text":"Körbe 🧺"}',
      },
    ]);
  });

  it("tells what the receiver answered, and follows no redirect", async () => {
    expect(await post(here("/429"))).toEqual({ status_code: 429, retry_after: "7" });
    expect(await post(here("/307"))).toEqual({ status_code: 307, retry_after: null });
    expect(received).toHaveLength(2);
  });

  it("reads no more of an answer than is decent", async () => {
    expect(await post(here("/endless"))).toEqual({ status_code: 200, retry_after: null });
  });

  it("does not wait for ever", async () => {
    expect(await post(here("/never"), { timeoutMs: 100 })).toEqual({ failure: "timeout" });
  });

  it.each([
    ["a private address", [{ address: "10.0.0.1", family: 4 }]],
    ["the metadata of a cloud", [{ address: "169.254.169.254", family: 4 }]],
    ["this machine, from a public name", [HERE]],
    ["a public and a private address", [{ address: "93.184.216.34", family: 4 }, HERE]],
    ["a private address in IPv6's spelling", [{ address: "::ffff:10.0.0.1", family: 6 }]],
  ])("is not sent where the name leads to %s", async (_, addresses) => {
    const refusal = await post("https://hooks.example/200", { addresses });
    expect(refusal).toEqual({ refusal: "its host is not public" });
    expect(received).toEqual([]);
  });

  it("is not sent to this machine unless both sides permit it", async () => {
    const refusal = await post(here("/200"), { allowHttpLoopback: false });
    expect(refusal).toEqual({ refusal: "the scheme is http:; expected https:" });
    expect(received).toEqual([]);
  });

  it("to a name without address is unreachable", async () => {
    const answer = await post("https://hooks.example/200", { addresses: [] });
    expect(answer).toEqual({ failure: "unreachable" });
  });
});
