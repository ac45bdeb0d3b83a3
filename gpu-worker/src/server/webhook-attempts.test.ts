import { createServer } from "node:http";

import { WEBHOOK_ATTEMPTS_PATH } from "@qwen3-vl/shared/worker-webhooks";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { listen, send } from "./test-calls.ts";
import { TestWorker, signed } from "./test-worker.ts";

let worker: TestWorker;
let sent = 0;
const receiver = createServer((request, response) => {
  sent++;
  request.resume();
  response.writeHead(204).end();
});
let port = 0;
beforeEach(async () => {
  sent = 0;
  port = await listen(receiver);
  worker = await TestWorker.start();
});
afterEach(async () => {
  receiver.close();
  await worker.stop();
});

function callOf(fields: object = {}) {
  const body = JSON.stringify({
    url: `http://127.0.0.1:${port}/`,
    policy: { allowHttpLoopback: true, hosts: [] },
    headers: {},
    body: "{}",
    timeout_ms: 5000,
    ...fields,
  });
  const headers = { "Content-Type": "application/json" };
  return { method: "POST", path: WEBHOOK_ATTEMPTS_PATH, headers, body };
}

describe("POST /v1/webhook_attempts", () => {
  it("sends what the edge has signed, and tells the answer", async () => {
    const call = callOf();
    const { status, text } = await send(worker, await signed(call, call.body));
    expect({ status, text }).toEqual({
      status: 200,
      text: '{"status_code":204,"retry_after":null}',
    });
    expect(sent).toBe(1);
  });

  it("sends nothing for whoever has not signed the very body", async () => {
    const call = callOf();
    expect((await send(worker, call)).status).toBe(401);
    expect((await send(worker, await signed(call, `${call.body} `))).status).toBe(401);
    expect(sent).toBe(0);
  });

  it.each([
    ["a header's name", { headers: { "a b": "c" } }],
    ["a time", { timeout_ms: 3_600_000 }],
    ["an unknown field", { method: "GET" }],
  ])("refuses %s", async (_, fields) => {
    const call = callOf(fields);
    expect((await send(worker, await signed(call, call.body))).status).toBe(400);
    expect(sent).toBe(0);
  });
});
