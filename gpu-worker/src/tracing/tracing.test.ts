import { TRACEPARENT_HEADER } from "@qwen3-vl/shared/traceparent";
import { abortPath } from "@qwen3-vl/shared/worker-protocol";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import type { ChoiceEvent } from "../engine/choices.ts";
import { open, send, textOf } from "../server/test-calls.ts";
import type { Call } from "../server/test-calls.ts";
import { MODEL, startThreads } from "../server/test-threads.ts";
import type { TestThreads } from "../server/test-threads.ts";
import { TestWorker, aborted, chatCall, eventOf, eventsOf, signed } from "../server/test-worker.ts";
import { TestCollector } from "./test-collector.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN = "00f067aa0ba902b7";
const SERVER_KIND = 2;
const ERROR = 2;

let threads: TestThreads;
beforeAll(async () => {
  threads = await startThreads();
});
afterAll(() => threads.close());

let collector: TestCollector;
let worker: TestWorker;
beforeEach(async () => {
  collector = await TestCollector.start();
  worker = await TestWorker.start({ threads, tracesUrl: collector.url });
});
afterEach(() => collector.stop());

function traced(call: Call, flags = "01"): Call {
  const traceparent = `00-${TRACE}-${SPAN}-${flags}`;
  return { ...call, headers: { ...call.headers, [TRACEPARENT_HEADER]: traceparent } };
}

async function* answerTwice(): AsyncGenerator<ChoiceEvent> {
  yield eventOf({ choice: 1, finishReason: "length" });
  yield eventOf({ choice: 0, finishReason: "stop" });
}

async function* failAfterOneToken(): AsyncGenerator<ChoiceEvent> {
  yield eventOf({ text: "a secret answer", completionTokens: 1 });
  throw new Error("a secret failure");
}

/** What the worker has sent when it has drained. */
async function spans() {
  await worker.stop();
  return collector.spans;
}

describe("the span of a completion", () => {
  it("is a child of the caller's and tells settings, tokens and endings", async () => {
    worker.answer = () => eventsOf("one", "two");
    const body = { max_tokens: 9, temperature: 0.5, top_p: 0.9, top_k: 20, seed: 7 };
    await send(worker, traced(await chatCall({ id: "a", body })));
    const [span, ...others] = await spans();
    expect(others).toEqual([]);
    expect(span).toMatchObject({
      traceId: TRACE,
      parentSpanId: SPAN,
      name: `chat ${MODEL}`,
      kind: SERVER_KIND,
      status: { code: 0 },
    });
    expect(span?.attributes).toEqual({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "qwen3-vl",
      "gen_ai.request.model": MODEL,
      "gen_ai.request.stream": false,
      "gen_ai.request.max_tokens": 9,
      "gen_ai.request.temperature": 0.5,
      "gen_ai.request.top_p": 0.9,
      "gen_ai.request.top_k": 20,
      "gen_ai.request.seed": 7,
      "gen_ai.response.id": "chatcmpl-a",
      "gen_ai.response.model": MODEL,
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.response.time_to_first_chunk": expect.any(Number),
      "gen_ai.usage.input_tokens": expect.any(Number),
      "gen_ai.usage.output_tokens": 2,
      "gen_ai.usage.cache_read.input_tokens": 0,
      "gen_ai.usage.reasoning.output_tokens": 0,
    });
    expect(span?.attributes["gen_ai.usage.input_tokens"]).toBeGreaterThan(0);
    expect(collector.services).toEqual(["qwen3-vl-gpu-worker"]);
  });

  it("tells the ending of each of several answers", async () => {
    worker.answer = answerTwice;
    await send(worker, await chatCall({ body: { n: 2, stream: true } }));
    expect(await spans()).toMatchObject([
      {
        status: { code: 0 },
        attributes: {
          "gen_ai.request.choice.count": 2,
          "gen_ai.response.finish_reasons": ["stop", "length"],
          "gen_ai.usage.output_tokens": 2,
        },
      },
    ]);
  });

  it("tells calls of tools as the client is told them", async () => {
    worker.answer = () => eventsOf('<tool_call>\n{"name": "look", "arguments": {}}\n</tool_call>');
    const tools = [{ type: "function", function: { name: "look" } }];
    await send(worker, await chatCall({ body: { tools } }));
    expect(await spans()).toMatchObject([
      { attributes: { "gen_ai.response.finish_reasons": ["tool_calls"] } },
    ]);
  });

  it("begins a trace of its own without a well-formed traceparent", async () => {
    const call = await chatCall({ body: {} });
    await send(worker, { ...call, headers: { ...call.headers, traceparent: `00-${TRACE}` } });
    const [span] = await spans();
    expect(span?.traceId).toMatch(/^[\da-f]{32}$/);
    expect(span?.traceId).not.toBe(TRACE);
    expect(span?.parentSpanId).toBeUndefined();
  });

  it.each([true, false])("of an aborted request says so (stream: %s)", async (stream) => {
    const begun = Promise.withResolvers<void>();
    worker.answer = async function* answer(_, signal) {
      yield eventOf({ text: "one", completionTokens: 1 });
      begun.resolve();
      await aborted(signal);
    };
    const call = traced(await chatCall({ id: "a", body: { stream } }));
    const answer = open(worker, call).then(({ response }) => textOf(response));
    await begun.promise;
    await send(worker, await signed({ method: "POST", path: abortPath("a") }));
    await answer;
    const [span] = await spans();
    expect(span).toMatchObject({
      parentSpanId: SPAN,
      status: { code: ERROR },
      attributes: { "error.type": "client_closed_request", "gen_ai.usage.output_tokens": 1 },
    });
    expect(span?.attributes).not.toHaveProperty(["gen_ai.response.finish_reasons"]);
  });

  it.each([true, false])("of a failed answer names its kind (stream: %s)", async (stream) => {
    worker.answer = failAfterOneToken;
    await send(worker, traced(await chatCall({ body: { stream } })));
    expect(await spans()).toMatchObject([
      { parentSpanId: SPAN, status: { code: ERROR }, attributes: { "error.type": "internal" } },
    ]);
  });

  it.each([
    ["another model", { model: "other" }, "model_not_found"],
    ["no messages", { messages: [] }, "invalid_request"],
  ])("of a request for %s names what was wrong", async (_, body, type) => {
    await send(worker, await chatCall({ body }));
    expect(await spans()).toMatchObject([
      { status: { code: ERROR }, attributes: { "error.type": type } },
    ]);
  });

  it("holds nothing of what was asked, answered or failed", async () => {
    worker.answer = failAfterOneToken;
    const messages = [{ role: "user", content: "a secret question" }];
    await send(worker, await chatCall({ body: { messages, stop: ["a secret stop"] } }));
    await spans();
    expect(collector.bodies).toHaveLength(1);
    expect(collector.bodies.join("")).not.toContain("secret");
  });
});

describe("no span is sent", () => {
  it("of a call without a proper signature", async () => {
    const call = await chatCall({ body: {} });
    const headers = { "Content-Type": String(call.headers?.["Content-Type"]) };
    expect(await send(worker, { ...call, headers })).toMatchObject({ status: 401 });
    expect(await spans()).toEqual([]);
  });

  it("where the caller does not record its own", async () => {
    await send(worker, traced(await chatCall({ body: {} }), "00"));
    expect(await spans()).toEqual([]);
  });

  it("without a collector", async () => {
    const untraced = await TestWorker.start({ threads });
    const { status } = await send(untraced, traced(await chatCall({ body: {} })));
    await untraced.stop();
    expect(status).toBe(200);
    expect(await spans()).toEqual([]);
  });
});

it("a collector that is down keeps no answer and no drain", async () => {
  collector.stop();
  expect(await send(worker, await chatCall({ body: {} }))).toMatchObject({ status: 200 });
  await worker.stop();
});
