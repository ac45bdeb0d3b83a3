import { createServer } from "node:http";

import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";

import { listen, send } from "./test-calls.ts";
import { TestWorker, chatCall, eventsOf } from "./test-worker.ts";

const create = { width: 64, height: 64, channels: 3, background: "red" } as const;
const picture = await sharp({ create }).png().toBuffer();

let asked: string[] = [];
const origin = createServer(({ url = "" }, response) => {
  asked.push(url);
  response.writeHead(url.startsWith("/good") ? 200 : 404).end(picture);
});
let worker: TestWorker;
let base: string;
beforeAll(async () => {
  worker = await TestWorker.start();
  base = `http://127.0.0.1:${await listen(origin)}`;
});
beforeEach(() => {
  asked = [];
  worker.answer = () => eventsOf("fine");
});
afterAll(async () => {
  await worker.stop();
  origin.closeAllConnections();
  origin.close();
});

const policy = { allowHttpLoopback: true, hosts: [{}] };

const Answer = z.object({ error: z.unknown().optional(), usage: z.unknown().optional() });

/** Asks about pictures of these URLs, with what the edge permits. */
async function ask(urls: readonly string[], fetch: object | null = policy) {
  const content = urls.map((url) => ({ type: "image_url", image_url: { url } }));
  const call = await chatCall({
    body: { messages: [{ role: "user", content }] },
    ...(fetch === null ? {} : { request: { fetch } }),
  });
  const { status, text } = await send(worker, call);
  return {
    status,
    body: Answer.parse(JSON.parse(text)),
  };
}

describe("pictures that the edge leaves to the worker", () => {
  it("are fetched, each URL once, and read as if they had been sent", async () => {
    const url = `${base}/good`;
    const { status, body } = await ask([url, url, `${base}/good2`]);
    expect(status).toBe(200);
    expect(body.usage).toMatchObject({ prompt_tokens_details: { image_tokens: 27 } });
    expect(asked.toSorted((a, b) => a.localeCompare(b))).toEqual(["/good", "/good2"]);
  });

  it("that cannot be fetched are refused at their place in the request", async () => {
    const { status, body } = await ask([`${base}/good`, `${base}/missing`]);
    expect(status).toBe(422);
    expect(body.error).toMatchObject({
      code: "media_unreachable",
      param: "messages.0.content.1.image_url.url",
    });
    expect(worker.admission.inside).toBe(0);
  });

  it("are not fetched against the edge's policy", async () => {
    const { status, body } = await ask([`${base}/good`], {
      ...policy,
      hosts: [{ allow: ["a.com"] }],
    });
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ code: "invalid_request" });
    expect(asked).toEqual([]);
  });

  it("are not fetched without a policy", async () => {
    const { status, body } = await ask([`${base}/good`], null);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ code: "invalid_media" });
    expect(asked).toEqual([]);
  });
});
