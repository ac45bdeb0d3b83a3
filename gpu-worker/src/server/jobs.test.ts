import { ChatCompletion } from "@qwen3-vl/shared/chat-completion";
import { MAX_BODY_BYTES } from "@qwen3-vl/shared/limits";
import { WORKER_JOBS_PATH, workerJobPath } from "@qwen3-vl/shared/worker-jobs";
import { requestPath } from "@qwen3-vl/shared/worker-protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { send } from "./test-calls.ts";
import { TestJobs } from "./test-jobs.ts";
import { aborted, chatCall, eventOf, eventsOf, signed } from "./test-worker.ts";
import type { TestWorker } from "./test-worker.ts";

let jobs: TestJobs;
let worker: TestWorker;
beforeEach(async () => {
  jobs = await TestJobs.start();
  worker = jobs.worker;
});
afterEach(() => jobs[Symbol.asyncDispose]());

/** Answers two tokens and then nothing until `finish`, or until it is aborted. */
function answerUntilFinished() {
  const finished = Promise.withResolvers<void>();
  let runs = 0;
  worker.answer = async function* answer(_, signal) {
    runs++;
    yield eventOf({ text: "one", completionTokens: 1 });
    yield eventOf({ text: "two", completionTokens: 2 });
    await Promise.race([finished.promise, aborted(signal)]);
    if (!signal.aborted) {
      yield eventOf({ text: "three", completionTokens: 3, finishReason: "stop" });
    }
  };
  return { finish: finished.resolve, runs: () => runs };
}

describe("a job", () => {
  it("is answered at once, and its completion reported", async () => {
    worker.answer = () => eventsOf("one", "two");
    expect(await jobs.post({ id: "a" })).toMatchObject({
      status: 202,
      body: { id: "a", state: "waiting" },
    });
    const report = await jobs.end("a");
    expect(report).toMatchObject({
      state: "answered",
      progress: { stage: "generating", completion_tokens: 2 },
      usage: { completion_tokens: 2 },
      answer: { status: 200 },
    });
    const { choices, usage } = ChatCompletion.parse(report.answer?.body);
    expect(choices[0]?.message.content).toBe("onetwo");
    expect(usage).toEqual(report.usage);
    expect(jobs.receiver.unsigned).toBe(0);
  });

  it("can be asked for after its end, alike each time", async () => {
    await jobs.post({ id: "a" });
    const report = await jobs.end("a");
    expect(await jobs.find("a")).toMatchObject({ status: 200, body: report });
    expect(await jobs.find("a")).toMatchObject({ status: 200, body: report });
    expect(await jobs.find("b")).toMatchObject({
      status: 404,
      body: { error: { code: "not_found" } },
    });
  });

  it("counts as a request", async () => {
    await jobs.post({ id: "a" });
    const { usage, media } = await jobs.end("a");
    const { body } = await jobs.send("GET", requestPath("a"));
    expect(body).toEqual({ state: "answered", usage, media });
  });

  it("is not run twice, whether it waits, runs or has ended", async () => {
    const { finish, runs } = answerUntilFinished();
    await jobs.post({ id: "a" });
    await expect.poll(() => jobs.find("a")).toMatchObject({ body: { state: "running" } });
    await jobs.post({ id: "b" });
    expect(await jobs.post({ id: "a" })).toMatchObject({ status: 202, body: { state: "running" } });
    expect(await jobs.post({ id: "b" })).toMatchObject({ status: 202, body: { state: "waiting" } });
    finish();
    await Promise.all([jobs.end("a"), jobs.end("b")]);
    expect(await jobs.post({ id: "a" })).toMatchObject({
      status: 202,
      body: { state: "answered" },
    });
    expect(runs()).toBe(2);
  });

  it("is answered whole though its body asks for a stream", async () => {
    await jobs.post({ id: "a", body: { stream: true, stream_options: { include_usage: true } } });
    const { answer } = await jobs.end("a");
    expect(ChatCompletion.parse(answer?.body)).toMatchObject({ object: "chat.completion" });
  });

  it("that is refused ends with OpenAI's error and its status", async () => {
    await jobs.post({ id: "a", body: { model: "another" } });
    expect(await jobs.end("a")).toMatchObject({
      state: "failed",
      answer: { status: 404, body: { error: { code: "model_not_found", param: "model" } } },
    });
  });

  it("whose answer breaks tells nothing of the inside", async () => {
    const failure = new Error("a secret");
    worker.answer = async function* answer() {
      yield eventOf({ text: "one" });
      await Promise.reject(failure);
    };
    await jobs.post({ id: "a" });
    const report = await jobs.end("a");
    expect(report).toMatchObject({ state: "failed", answer: { status: 500 } });
    expect(JSON.stringify(report)).not.toContain("a secret");
  });
});

describe("the route of jobs", () => {
  it("takes what is signed alone", async () => {
    const body = JSON.stringify({});
    expect(await send(worker, { method: "POST", path: WORKER_JOBS_PATH, body })).toMatchObject({
      status: 401,
    });
    expect(await send(worker, { path: workerJobPath("a") })).toMatchObject({ status: 401 });
  });

  it.each([
    [{ report_to: "ftp://a.com" }, "report_to"],
    [{ report_to: undefined }, "report_to"],
    [{ tenant: 1 }, "tenant"],
    [{ id: "a b" }, "id"],
    [{ media: [] }, ""],
  ])("refuses %j, and says where", async (more, param) => {
    const error = { code: "invalid_request", param };
    expect(await jobs.post({ more })).toMatchObject({ status: 400, body: { error } });
  });

  it("refuses a body that is too large", async () => {
    const call = { method: "POST", path: WORKER_JOBS_PATH, body: Buffer.alloc(MAX_BODY_BYTES + 1) };
    expect(await send(worker, call)).toMatchObject({ status: 413 });
  });

  it("refuses the id of a completion that runs", async () => {
    const { finish } = answerUntilFinished();
    const completion = send(worker, await chatCall({ id: "a", body: {} }));
    await expect.poll(() => worker.admission.inside).toBe(1);
    expect(await jobs.post({ id: "a" })).toMatchObject({
      status: 400,
      body: { error: { param: "id" } },
    });
    finish();
    await completion;
  });

  it("refuses more than may wait, for another worker to take them, and no completion", async () => {
    const { finish } = answerUntilFinished();
    const [running] = await Promise.all(["a", "b", "c"].map((id) => jobs.post({ id })));
    expect(running).toMatchObject({ status: 202 });
    await expect.poll(() => jobs.find("a")).toMatchObject({ body: { state: "running" } });
    const refused = await jobs.post({ id: "d" });
    expect(refused).toMatchObject({ status: 503, body: { error: { code: "overloaded" } } });
    expect(refused.headers).toMatchObject({ "x-worker-busy": "1", "retry-after": "5" });
    expect(worker.admission.inside).toBe(0);
    const metrics = await send(worker, await signed({ path: "/metrics" }));
    expect(metrics.text).toContain("\nqwen3_vl:jobs_waiting 2\n");
    expect(metrics.text).toContain("\nqwen3_vl:jobs_running 1\n");
    finish();
    expect(await send(worker, await chatCall({ body: {} }))).toMatchObject({ status: 200 });
    await Promise.all(["a", "b", "c"].map((id) => jobs.end(id)));
  });
});

describe("an aborted job", () => {
  it("that waits ends, and leaves the line to the others", async () => {
    const { finish, runs } = answerUntilFinished();
    for (const id of ["a", "b", "c"]) {
      await jobs.post({ id });
    }
    expect(await jobs.abort("b")).toMatchObject({ status: 200, body: { state: "aborted" } });
    expect(await jobs.end("b")).toMatchObject({ state: "aborted", answer: null });
    finish();
    expect(await jobs.end("c")).toMatchObject({ state: "answered" });
    expect(runs()).toBe(2);
  });

  it("that generates ends with exactly its tokens", async () => {
    answerUntilFinished();
    await jobs.post({ id: "a" });
    await expect
      .poll(() => jobs.find("a"))
      .toMatchObject({ body: { usage: { completion_tokens: 2 } } });
    expect(await jobs.abort("a")).toMatchObject({
      body: { state: "aborted", usage: { completion_tokens: 2 } },
    });
    expect(await jobs.end("a")).toMatchObject({
      state: "aborted",
      usage: { completion_tokens: 2 },
    });
  });

  it("ends though it is stuck, but keeps its place until it is not", async () => {
    const stuck = Promise.withResolvers<void>();
    worker.answer = async function* answer() {
      await stuck.promise;
      yield* eventsOf("late");
    };
    await jobs.post({ id: "a" });
    await expect
      .poll(() => jobs.find("a"))
      .toMatchObject({ body: { progress: { stage: "prefill" } } });
    await jobs.abort("a");
    expect(await jobs.end("a")).toMatchObject({ state: "aborted" });
    await jobs.post({ id: "b" });
    expect(await jobs.find("b")).toMatchObject({ body: { state: "waiting" } });
    stuck.resolve();
    expect(await jobs.end("b")).toMatchObject({ state: "answered" });
  });

  it("that was aborted before it came is never run", async () => {
    expect(await jobs.abort("a")).toMatchObject({ status: 404 });
    expect(await jobs.post({ id: "a" })).toMatchObject({ status: 202, body: { state: "aborted" } });
  });
});

describe("a worker that shuts down", () => {
  it("gives up the jobs that wait at once, and lets those that run end", async () => {
    const { finish } = answerUntilFinished();
    await jobs.post({ id: "a" });
    await expect.poll(() => jobs.find("a")).toMatchObject({ body: { state: "running" } });
    await jobs.post({ id: "b" });
    const drained = worker.server.drain(60_000);
    expect(await jobs.end("b")).toMatchObject({ state: "aborted", progress: { stage: "waiting" } });
    finish();
    expect(await jobs.end("a")).toMatchObject({ state: "answered" });
    await drained;
  });

  it("aborts those that run too long, and tells that", async () => {
    answerUntilFinished();
    await jobs.post({ id: "a" });
    await expect
      .poll(() => jobs.find("a"))
      .toMatchObject({ body: { usage: { completion_tokens: 2 } } });
    await worker.server.drain(0);
    expect(await jobs.end("a")).toMatchObject({
      state: "aborted",
      usage: { completion_tokens: 2 },
    });
  });
});
