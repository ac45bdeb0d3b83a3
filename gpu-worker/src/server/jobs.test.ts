import { randomUUID } from "node:crypto";

import { ChatCompletion } from "@qwen3-vl/shared/chat-completion";
import { MAX_BODY_BYTES } from "@qwen3-vl/shared/limits";
import { JobReport, WORKER_JOBS_PATH, workerJobPath } from "@qwen3-vl/shared/worker-jobs";
import { abortPath, requestPath } from "@qwen3-vl/shared/worker-protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { QUICK_PACE, TestReceiver } from "../jobs/test-receiver.ts";
import { TestBucket } from "../stored-media/test-bucket.ts";
import { readClip } from "../vision/test-clips.ts";
import {
  MODEL,
  TestWorker,
  aborted,
  chatCall,
  eventOf,
  eventsOf,
  send,
  signed,
} from "./test-worker.ts";

let bucket: TestBucket;
let receiver: TestReceiver;
let worker: TestWorker;
beforeEach(async () => {
  bucket = await TestBucket.start();
  receiver = await TestReceiver.start();
  const jobs = { maxRunning: 1, maxWaiting: 2, pace: QUICK_PACE };
  worker = await TestWorker.start({ jobs, origin: bucket.url });
});
afterEach(async () => {
  await worker.stop();
  await receiver[Symbol.asyncDispose]();
  await bucket[Symbol.asyncDispose]();
});

interface Posted {
  id?: string;
  body?: object;
  /** More of the job. */
  more?: object;
}

async function post({ id = randomUUID(), body = {}, more = {} }: Posted = {}) {
  const content = JSON.stringify({
    id,
    tenant: "tenant",
    priority: "batch",
    body: { model: MODEL, messages: [{ role: "user", content: "hi" }], ...body },
    report_to: receiver.url,
    ...more,
  });
  return sendSigned("POST", WORKER_JOBS_PATH, content);
}

async function sendSigned(method: string, path: string, content = "") {
  const call = await signed({ method, path, body: content }, content);
  const { status, text, headers } = await send(worker, call);
  return { status, headers, body: JSON.parse(text) as unknown };
}

const find = (id: string) => sendSigned("GET", workerJobPath(id));
const abort = (id: string) => sendSigned("POST", abortPath(id));

async function end(id: string): Promise<JobReport> {
  const ofEnd = () => receiver.reports.find((report) => report.id === id && isEnd(report));
  await expect.poll(ofEnd).toBeDefined();
  return JobReport.parse(ofEnd());
}

const isEnd = ({ state }: JobReport) => state !== "waiting" && state !== "running";

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
    expect(await post({ id: "a" })).toMatchObject({
      status: 202,
      body: { id: "a", state: "waiting" },
    });
    const report = await end("a");
    expect(report).toMatchObject({
      state: "answered",
      progress: { stage: "generating", completion_tokens: 2 },
      usage: { completion_tokens: 2 },
      answer: { status: 200 },
    });
    const { choices, usage } = ChatCompletion.parse(report.answer?.body);
    expect(choices[0]?.message.content).toBe("onetwo");
    expect(usage).toEqual(report.usage);
    expect(receiver.unsigned).toBe(0);
  });

  it("can be asked for after its end, alike each time", async () => {
    await post({ id: "a" });
    const report = await end("a");
    expect(await find("a")).toMatchObject({ status: 200, body: report });
    expect(await find("a")).toMatchObject({ status: 200, body: report });
    expect(await find("b")).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
  });

  it("counts as a request", async () => {
    await post({ id: "a" });
    const { usage, media } = await end("a");
    const { body } = await sendSigned("GET", requestPath("a"));
    expect(body).toEqual({ state: "answered", usage, media });
  });

  it("is not run twice, whether it waits, runs or has ended", async () => {
    const { finish, runs } = answerUntilFinished();
    await post({ id: "a" });
    await expect.poll(() => find("a")).toMatchObject({ body: { state: "running" } });
    await post({ id: "b" });
    expect(await post({ id: "a" })).toMatchObject({ status: 202, body: { state: "running" } });
    expect(await post({ id: "b" })).toMatchObject({ status: 202, body: { state: "waiting" } });
    finish();
    await Promise.all([end("a"), end("b")]);
    expect(await post({ id: "a" })).toMatchObject({ status: 202, body: { state: "answered" } });
    expect(runs()).toBe(2);
  });

  it("is answered whole though its body asks for a stream", async () => {
    await post({ id: "a", body: { stream: true, stream_options: { include_usage: true } } });
    const { answer } = await end("a");
    expect(ChatCompletion.parse(answer?.body)).toMatchObject({ object: "chat.completion" });
  });

  it("that is refused ends with OpenAI's error and its status", async () => {
    await post({ id: "a", body: { model: "another" } });
    expect(await end("a")).toMatchObject({
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
    await post({ id: "a" });
    const report = await end("a");
    expect(report).toMatchObject({ state: "failed", answer: { status: 500 } });
    expect(JSON.stringify(report)).not.toContain("a secret");
  });

  it("tells the frames of its clip, that comes from the bucket", async () => {
    const clip = bucket.put("clip.mp4", readClip("clip-h264-30fps-5s.mp4"));
    const options = { nframes: 8, resized_height: 64, resized_width: 64 };
    const part = { type: "video_url", video_url: { url: "cid:media-0" }, ...options };
    const messages = [{ role: "user", content: [part] }];
    await post({ id: "a", body: { messages }, more: { stored: [clip] } });
    expect(await end("a")).toMatchObject({
      state: "answered",
      progress: { frames_decoded: 8, frames_total: 8 },
      media: { frames: 8 },
    });
    await post({ id: "b", body: { messages }, more: { stored: [clip] } });
    expect(await end("b")).toMatchObject({ progress: { frames_decoded: 8, frames_total: 8 } });
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
    expect(await post({ more })).toMatchObject({ status: 400, body: { error } });
  });

  it("refuses a body that is too large", async () => {
    const call = { method: "POST", path: WORKER_JOBS_PATH, body: Buffer.alloc(MAX_BODY_BYTES + 1) };
    expect(await send(worker, call)).toMatchObject({ status: 413 });
  });

  it("refuses the id of a completion that runs", async () => {
    const { finish } = answerUntilFinished();
    const completion = send(worker, await chatCall({ id: "a", body: {} }));
    await expect.poll(() => worker.admission.inside).toBe(1);
    expect(await post({ id: "a" })).toMatchObject({
      status: 400,
      body: { error: { param: "id" } },
    });
    finish();
    await completion;
  });

  it("refuses more than may wait, for another worker to take them, and no completion", async () => {
    const { finish } = answerUntilFinished();
    const [running] = await Promise.all(["a", "b", "c"].map((id) => post({ id })));
    expect(running).toMatchObject({ status: 202 });
    await expect.poll(() => find("a")).toMatchObject({ body: { state: "running" } });
    const refused = await post({ id: "d" });
    expect(refused).toMatchObject({ status: 503, body: { error: { code: "overloaded" } } });
    expect(refused.headers).toMatchObject({ "x-worker-busy": "1", "retry-after": "5" });
    expect(worker.admission.inside).toBe(0);
    const metrics = await send(worker, await signed({ path: "/metrics" }));
    expect(metrics.text).toContain("\nqwen3_vl:jobs_waiting 2\n");
    expect(metrics.text).toContain("\nqwen3_vl:jobs_running 1\n");
    finish();
    expect(await send(worker, await chatCall({ body: {} }))).toMatchObject({ status: 200 });
    await Promise.all(["a", "b", "c"].map(end));
  });
});

describe("an aborted job", () => {
  it("that waits ends, and leaves the line to the others", async () => {
    const { finish, runs } = answerUntilFinished();
    for (const id of ["a", "b", "c"]) {
      await post({ id });
    }
    expect(await abort("b")).toMatchObject({ status: 200, body: { state: "aborted" } });
    expect(await end("b")).toMatchObject({ state: "aborted", answer: null });
    finish();
    expect(await end("c")).toMatchObject({ state: "answered" });
    expect(runs()).toBe(2);
  });

  it("that generates ends with exactly its tokens", async () => {
    answerUntilFinished();
    await post({ id: "a" });
    await expect.poll(() => find("a")).toMatchObject({ body: { usage: { completion_tokens: 2 } } });
    expect(await abort("a")).toMatchObject({
      body: { state: "aborted", usage: { completion_tokens: 2 } },
    });
    expect(await end("a")).toMatchObject({ state: "aborted", usage: { completion_tokens: 2 } });
  });

  it("ends though it is stuck, but keeps its place until it is not", async () => {
    const stuck = Promise.withResolvers<void>();
    worker.answer = async function* answer() {
      await stuck.promise;
      yield* eventsOf("late");
    };
    await post({ id: "a" });
    await expect.poll(() => find("a")).toMatchObject({ body: { progress: { stage: "prefill" } } });
    await abort("a");
    expect(await end("a")).toMatchObject({ state: "aborted" });
    await post({ id: "b" });
    expect(await find("b")).toMatchObject({ body: { state: "waiting" } });
    stuck.resolve();
    expect(await end("b")).toMatchObject({ state: "answered" });
  });

  it("that fetches gives up its download", async () => {
    const begun = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    const medium = bucket.put("a.mp4", Buffer.alloc(1000), (_content, _request, response) => {
      response.on("close", () => left.resolve());
      begun.resolve();
    });
    const part = { type: "video_url", video_url: { url: "cid:media-0" } };
    const messages = [{ role: "user", content: [part] }];
    await post({ id: "a", body: { messages }, more: { stored: [medium] } });
    await begun.promise;
    await abort("a");
    await left.promise;
    expect(await end("a")).toMatchObject({ state: "aborted", progress: { stage: "fetching" } });
  });

  it("that was aborted before it came is never run", async () => {
    expect(await abort("a")).toMatchObject({ status: 404 });
    expect(await post({ id: "a" })).toMatchObject({ status: 202, body: { state: "aborted" } });
  });
});

describe("a worker that shuts down", () => {
  it("gives up the jobs that wait at once, and lets those that run end", async () => {
    const { finish } = answerUntilFinished();
    await post({ id: "a" });
    await expect.poll(() => find("a")).toMatchObject({ body: { state: "running" } });
    await post({ id: "b" });
    const drained = worker.server.drain(60_000);
    expect(await end("b")).toMatchObject({ state: "aborted", progress: { stage: "waiting" } });
    finish();
    expect(await end("a")).toMatchObject({ state: "answered" });
    await drained;
  });

  it("aborts those that run too long, and tells that", async () => {
    answerUntilFinished();
    await post({ id: "a" });
    await expect.poll(() => find("a")).toMatchObject({ body: { usage: { completion_tokens: 2 } } });
    await worker.server.drain(0);
    expect(await end("a")).toMatchObject({ state: "aborted", usage: { completion_tokens: 2 } });
  });
});
