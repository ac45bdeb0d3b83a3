import { once } from "node:events";
import { createServer } from "node:http";

import { abortPath, requestPath } from "@qwen3-vl/shared/worker-protocol";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { Admission } from "../engine/admission.ts";
import { Logger } from "../log.ts";
import { testFetcher } from "../media-fetch/test-fetcher.ts";
import { WorkerFigures } from "../metrics/worker-figures.ts";
import { startTracing } from "../tracing/tracing.ts";
import { ChatCompletions } from "./chat-completions.ts";
import { Completions } from "./completions.ts";
import { RequestRegistry } from "./request-registry.ts";
import { listen, open, send, start, textOf } from "./test-calls.ts";
import { MULTIPART, multipart } from "./test-multipart.ts";
import { startThreads } from "./test-threads.ts";
import type { TestThreads } from "./test-threads.ts";
import { TestWorker, aborted, chatCall, eventOf, eventsOf, signed } from "./test-worker.ts";

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

/** Answers two tokens and then nothing until it is aborted; `ended` resolves at its end. */
function answerUntilAborted() {
  const ended = Promise.withResolvers<void>();
  worker.answer = async function* answer(_, signal) {
    try {
      yield eventOf({ text: "one", completionTokens: 1 });
      yield eventOf({ text: "two", completionTokens: 2 });
      await aborted(signal);
      yield eventOf({ text: "", completionTokens: 3 }); // the step under way
    } finally {
      ended.resolve();
    }
  };
  return ended.promise;
}

async function abort(id: string) {
  const call = await signed({ method: "POST", path: abortPath(id) });
  const { status, text } = await send(worker, call);
  return { status, body: JSON.parse(text) as unknown };
}

describe("the abort route", () => {
  it("ends a stream without [DONE] and tells the exact tokens", async () => {
    const ended = answerUntilAborted();
    const { response } = await open(worker, await chatCall({ id: "a", body: { stream: true } }));
    const text = textOf(response);
    await expect.poll(() => worker.admission.inside).toBe(1);
    const { status, body } = await abort("a");
    expect(status).toBe(200);
    expect(body).toMatchObject({ usage: { completion_tokens: 3 } });
    await ended;
    expect(await text).not.toContain("[DONE]");
    expect(worker.admission.inside).toBe(0);
  });

  it("answers a request without a stream with 499", async () => {
    void answerUntilAborted();
    const answer = send(worker, await chatCall({ id: "a", body: {} }));
    await expect.poll(async () => (await abort("a")).status).toBe(200);
    expect(await answer).toMatchObject({ status: 499 });
  });

  it("tells the tokens of a request that has ended, and knows no other", async () => {
    worker.answer = () => eventsOf("one", "two");
    await send(worker, await chatCall({ id: "a", body: {} }));
    expect(await abort("a")).toMatchObject({ body: { usage: { completion_tokens: 2 } } });
    expect(await abort("b")).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
  });
});

async function find(id: string) {
  const { status, text } = await send(
    worker,
    await signed({ method: "GET", path: requestPath(id) }),
  );
  return { status, body: JSON.parse(text) as unknown };
}

describe("the route of a request", () => {
  it("tells how it stands and ends nothing", async () => {
    const ended = answerUntilAborted();
    const { response } = await open(worker, await chatCall({ id: "a", body: { stream: true } }));
    const text = textOf(response);
    await expect.poll(() => find("a")).toMatchObject({ body: { state: "running" } });
    await abort("a");
    await Promise.all([ended, text]);
    expect(await find("a")).toMatchObject({ status: 200, body: { state: "aborted" } });
    expect(await find("b")).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
  });

  it.each([true, false])("tells that it was answered (stream: %s)", async (stream) => {
    worker.answer = () => eventsOf("one", "two");
    await send(worker, await chatCall({ id: "a", body: { stream } }));
    const media = { pixels: 0, video_ms: 0, frames: 0 };
    await expect
      .poll(() => find("a"))
      .toMatchObject({ body: { state: "answered", usage: { completion_tokens: 2 }, media } });
  });
});

describe("a client that leaves", () => {
  it.each([true, false])("aborts its request (stream: %s) and frees its place", async (stream) => {
    const ended = answerUntilAborted();
    const { request } = start(worker, await chatCall({ body: { stream } }));
    await expect.poll(() => worker.admission.inside).toBe(1);
    request.destroy();
    await ended;
    await expect.poll(() => worker.admission.inside).toBe(0);
  });

  it("gets no place when it leaves while its signature is checked", async () => {
    const chat = await heldChat();
    const body = multipart(
      [
        { name: "request", content: "{}" },
        { name: "x", content: "" },
      ],
      "",
    );
    const headers = { "Content-Type": MULTIPART, "Content-Length": "10000" };
    const { request } = start(chat, { method: "POST", path: "/", headers, body });
    await chat.verifying;
    request.destroy();
    await chat.answered;
    chat.verified();
    await new Promise(setImmediate);
    expect(chat.admission.inside).toBe(0);
    await chat.close();
  });

  it("is not answered when it leaves between its body's end and the signature's check", async () => {
    const signals: AbortSignal[] = [];
    worker.answer = (_, signal) => {
      signals.push(signal);
      return eventsOf("for nobody");
    };
    const chat = await heldChat();
    const { request } = start(chat, await chatCall({ body: {} }));
    await chat.verifying;
    request.destroy();
    await chat.left;
    chat.verified();
    await chat.answered;
    expect(signals.every(({ aborted: isAborted }) => isAborted)).toBe(true);
    expect(chat.admission.inside).toBe(0);
    await chat.close();
  });
});

/** `ChatCompletions` over HTTP whose check of signatures lasts until `verified` is called. */
async function heldChat() {
  const verifying = Promise.withResolvers<void>();
  const verified = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const admission = new Admission(1);
  const logger = new Logger("silent");
  const chat = new ChatCompletions({
    service: worker.service,
    completions: new Completions({
      service: worker.service,
      generator: worker,
      stored: worker.stored,
      fetcher: testFetcher(),
    }),
    admission,
    registry: new RequestRegistry(),
    figures: new WorkerFigures(),
    tracer: (await startTracing(undefined, logger)).tracer,
    logger,
    verify: () => {
      verifying.resolve();
      return verified.promise;
    },
  });
  const server = createServer((incoming, response) => {
    response.on("close", () => left.resolve());
    chat.handle(incoming, response).then(answered.resolve, () => answered.resolve());
  });
  return {
    port: await listen(server),
    admission,
    verifying: verifying.promise,
    verified: verified.resolve,
    answered: answered.promise,
    left: left.promise,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

describe("a slow client", () => {
  it("holds its generator back instead of filling memory, and still gets every byte", async () => {
    const count = 400;
    const text = "x".repeat(2 ** 16); // 25 MB in all: more than the system buffers for a connection
    let pulled = 0;
    worker.answer = async function* answer() {
      for (pulled = 1; pulled < count; pulled++) {
        yield eventOf({ text, completionTokens: pulled });
      }
      yield eventOf({ text: "", completionTokens: count, finishReason: "stop" });
    };
    const { response } = await open(worker, await chatCall({ body: { stream: true } }));
    await untilStill(() => pulled);
    expect(pulled).toBeLessThan(count);
    const received = await textOf(response);
    expect(received.length).toBeGreaterThan((count - 1) * text.length);
    expect(received.endsWith("data: [DONE]\n\n")).toBe(true);
  });
});

/** Resolves when a number has not changed for a while. */
async function untilStill(read: () => number): Promise<void> {
  let before = -1;
  while (before !== read()) {
    before = read();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe("a connection on which nothing is said", () => {
  it("gets pings until the answer comes", async () => {
    const pinged = Promise.withResolvers<void>();
    worker.answer = async function* answer() {
      await pinged.promise;
      yield* eventsOf("at last");
    };
    const { response } = await open(worker, await chatCall({ body: { stream: true } }));
    let text = "";
    for await (const chunk of response) {
      text += String(chunk);
      if (text.includes(": ping\n")) {
        pinged.resolve();
      }
    }
    expect(text).toContain("at last");
  });
});
