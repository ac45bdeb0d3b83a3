import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";

import { SIGNATURE_HEADER, signCall } from "@qwen3-vl/shared/signature";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import type { ChoiceEvent } from "../engine/choices.ts";
import type { GenerationRequest } from "../engine/generator.ts";
import { open, send, textOf } from "./test-calls.ts";
import type { Call } from "./test-calls.ts";
import { MODEL, startThreads } from "./test-threads.ts";
import type { TestThreads } from "./test-threads.ts";
import { SECRET, TestWorker, aborted, chatCall, eventOf, eventsOf, signed } from "./test-worker.ts";

let threads: TestThreads;
beforeAll(async () => {
  threads = await startThreads();
});
afterAll(() => threads.close());

let worker: TestWorker;
beforeEach(async () => {
  worker = await TestWorker.start({ threads });
});
afterEach(() => worker.stop());

async function get(path: string) {
  const { status, text } = await send(worker, await signed({ path }));
  return { status, body: JSON.parse(text) as unknown };
}

describe("routes", () => {
  it("answer probes without a signature", async () => {
    expect(await send(worker, { path: "/health" })).toMatchObject({ status: 200 });
    expect(await send(worker, { path: "/ready" })).toMatchObject({
      status: 200,
      text: '{"ready":true}',
    });
  });

  it("list the model, and tell it by name", async () => {
    const list = await get("/v1/models");
    expect(list).toMatchObject({ status: 200, body: { object: "list", data: [{ id: MODEL }] } });
    expect(await get(`/v1/models/${MODEL}?x=1`)).toMatchObject({ body: { id: MODEL } });
  });

  it("tell a signed caller what the worker is busy with", async () => {
    const { status, headers, text } = await send(worker, await signed({ path: "/metrics" }));
    expect(status).toBe(200);
    expect(headers["content-type"]).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text).toContain("\nvllm:num_requests_running 0\n");
    expect(text).toContain("\nqwen3_vl:connections 1\n");
    expect(await send(worker, { path: "/metrics" })).toMatchObject({ status: 401 });
  });

  it.each([
    ["/v1/models/other", "model_not_found"],
    ["/v1/models/%E0%A4%A", "model_not_found"],
    ["/v1/nothing", "not_found"],
    ["/v1/chat/completions", "not_found"],
    ["/v1/requests/../abort", "not_found"],
    ["/", "not_found"],
  ])("answer GET %s with %s in OpenAI's form", async (path, code) => {
    const { status, body } = await get(path);
    expect(status).toBe(404);
    expect(body).toMatchObject({ error: { code, type: "invalid_request_error" } });
  });
});

it("keeps an idle connection for longer than any caller would use it again", async () => {
  const { headers } = await fetch(`http://127.0.0.1:${worker.port}/health`);
  expect(headers.get("Keep-Alive")).toBe("timeout=100");
});

function ago(seconds: number): Date {
  return new Date(Date.now() - seconds * 1000);
}

describe("signatures", () => {
  const path = "/v1/models";
  const call = { method: "GET", path, content: "" };
  const header = (value: string): Call => ({ path, headers: { [SIGNATURE_HEADER]: value } });

  it.each([
    ["none", async () => ({ path })],
    ["a malformed one", async () => header("t=1,v1=zz")],
    ["one of another secret", async () => header(await signCall(`${SECRET}!`, call, ago(0)))],
    [
      "one of another path",
      async () => header(await signCall(SECRET, { ...call, path: "/v1/other" }, ago(0))),
    ],
    [
      "one of another method",
      async () => header(await signCall(SECRET, { ...call, method: "POST" }, ago(0))),
    ],
    [
      "one of content",
      async () => header(await signCall(SECRET, { ...call, content: "{}" }, ago(0))),
    ],
    ["an old one", async () => header(await signCall(SECRET, call, ago(90)))],
    ["one of the future", async () => header(await signCall(SECRET, call, ago(-90)))],
    ["an abort without one", async () => ({ method: "POST", path: "/v1/requests/a/abort" })],
    [
      "a chat whose request part was changed",
      async () => {
        const { headers = {} } = await chatCall({ body: {} });
        return { ...(await chatCall({ body: { seed: 1 } })), headers };
      },
    ],
  ])("refuses %s", async (_, makeCall: () => Promise<Call>) => {
    const { status, text } = await send(worker, await makeCall());
    expect(status).toBe(401);
    expect(JSON.parse(text)).toMatchObject({ error: { code: "invalid_api_key" } });
  });
});

/** The first bytes of a streamed answer have come; the connection would be kept alive. */
async function startStream(agent: Agent): Promise<IncomingMessage> {
  const { method, path, headers, body } = await chatCall({ body: { stream: true } });
  const target = { host: "127.0.0.1", port: worker.port, method, path, headers, agent };
  return new Promise((resolve, reject) => {
    httpRequest(target, (response) => {
      response.once("readable", () => resolve(response));
    })
      .on("error", reject)
      .end(body);
  });
}

async function* answerUntilAborted(
  _: GenerationRequest,
  signal: AbortSignal,
): AsyncGenerator<ChoiceEvent> {
  yield eventOf({ text: "a", completionTokens: 1 });
  await aborted(signal);
}

/** A connection whose request the server has begun to read. */
async function beginRequest(head: string): Promise<Socket> {
  const socket = connect(worker.port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(head);
  await send(worker, { path: "/health" }); // by its answer, what was sent before has been read
  return socket;
}

describe("drain", () => {
  it("lets a running answer end and hangs up at once after it", async () => {
    const release = Promise.withResolvers<void>();
    worker.answer = async function* answer() {
      await release.promise;
      yield* eventsOf("to", "gether");
    };
    const agent = new Agent({ keepAlive: true, keepAliveMsecs: 60_000 });
    const response = await startStream(agent);
    const drained = worker.server.drain(60_000);
    await expect(send(worker, { path: "/health" })).rejects.toThrow("ECONNREFUSED");
    release.resolve();
    expect(await textOf(response)).toContain("[DONE]");
    await drained; // would take the 100 s of an idle connection otherwise
    agent.destroy();
  });

  it("refuses what comes on a connection that was open before", async () => {
    const release = Promise.withResolvers<void>();
    worker.answer = async function* answer() {
      await release.promise;
      yield* eventsOf("x");
    };
    const stream = await startStream(new Agent());
    const { path } = await chatCall({ body: {} });
    const socket = await beginRequest(`POST ${path} HTTP/1.1\r\nHost: x\r\n`);
    const drained = worker.server.drain(60_000);
    socket.write("Content-Length: 0\r\nConnection: close\r\n\r\n");
    let answer = "";
    for await (const chunk of socket) {
      answer += String(chunk);
    }
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toMatch(/Retry-After: 1/i);
    release.resolve();
    await textOf(stream);
    await drained;
  });

  it("aborts what has not ended in time", async () => {
    worker.answer = answerUntilAborted;
    const { response } = await open(worker, await chatCall({ body: { stream: true } }));
    await worker.server.drain(0);
    expect(await textOf(response)).not.toContain("[DONE]");
  });

  it("hangs up on a client that never sends the rest of its request", async () => {
    const { path, headers } = await chatCall({ body: {} });
    const fields = Object.entries({ ...headers, Host: "x", "Content-Length": "1000" });
    const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const socket = await beginRequest(`POST ${path} HTTP/1.1\r\n${lines}\r\n`);
    const closed = once(socket, "close");
    await worker.server.drain(0);
    await closed;
    expect(worker.admission.inside).toBe(0);
  });
});
