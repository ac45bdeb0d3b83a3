import { randomUUID } from "node:crypto";

import { WORKER_JOBS_PATH, workerJobPath } from "@qwen3-vl/shared/worker-jobs";
import type { JobReport } from "@qwen3-vl/shared/worker-jobs";
import { abortPath } from "@qwen3-vl/shared/worker-protocol";

import { QUICK_PACE, TestReceiver } from "../jobs/test-receiver.ts";
import { TestBucket } from "../stored-media/test-bucket.ts";
import { send } from "./test-calls.ts";
import { MODEL } from "./test-threads.ts";
import { TestWorker, signed } from "./test-worker.ts";

interface Posted {
  id?: string;
  body?: object;
  /** More of the job. */
  more?: object;
}

/** A worker that runs one job at a time and lets two wait, a bucket, and who takes its reports. */
export class TestJobs implements AsyncDisposable {
  readonly worker: TestWorker;
  readonly bucket: TestBucket;
  readonly receiver: TestReceiver;

  private constructor(worker: TestWorker, bucket: TestBucket, receiver: TestReceiver) {
    this.worker = worker;
    this.bucket = bucket;
    this.receiver = receiver;
  }

  static async start(): Promise<TestJobs> {
    const bucket = await TestBucket.start();
    const jobs = { maxRunning: 1, maxWaiting: 2, pace: QUICK_PACE };
    const worker = await TestWorker.start({ jobs, origin: bucket.url });
    return new TestJobs(worker, bucket, await TestReceiver.start());
  }

  post({ id = randomUUID(), body = {}, more = {} }: Posted = {}) {
    const content = JSON.stringify({
      id,
      tenant: "tenant",
      priority: "batch",
      body: { model: MODEL, messages: [{ role: "user", content: "hi" }], ...body },
      report_to: this.receiver.url,
      ...more,
    });
    return this.send("POST", WORKER_JOBS_PATH, content);
  }

  async send(method: string, path: string, content = "") {
    const call = await signed({ method, path, body: content }, content);
    const { status, text, headers } = await send(this.worker, call);
    return { status, headers, body: JSON.parse(text) as unknown };
  }

  find(id: string) {
    return this.send("GET", workerJobPath(id));
  }

  abort(id: string) {
    return this.send("POST", abortPath(id));
  }

  /** The last report of a job, once it is there. */
  end(id: string): Promise<JobReport> {
    return this.receiver.first((report) => report.id === id && isEnd(report));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker.stop();
    await this.receiver[Symbol.asyncDispose]();
    await this.bucket[Symbol.asyncDispose]();
  }
}

function isEnd({ state }: JobReport): boolean {
  return state !== "waiting" && state !== "running";
}
