import { toUsage } from "@qwen3-vl/shared/usage";
import type { JobReport, RunProgress, WorkerJob } from "@qwen3-vl/shared/worker-jobs";

import type { LiveRequest } from "../server/request-registry.ts";

/** How a job ended; what was aborted has no answer. */
export type JobEnd =
  | { state: "answered" | "failed"; answer: NonNullable<JobReport["answer"]> }
  | { state: "aborted"; answer: null };

/** The call that brought a job. */
export interface JobCall {
  /** Of its body. */
  bytes: number;
  traceparent: string | undefined;
}

/** A job that waits or runs, and what is told of it. */
export class Job {
  readonly request: WorkerJob;
  readonly live: LiveRequest;
  readonly call: JobCall;
  readonly #ended = new AbortController();
  #isRunning = false;
  #reports = 0;
  #last: JobReport | undefined;

  constructor(request: WorkerJob, live: LiveRequest, call: JobCall) {
    this.request = request;
    this.live = live;
    this.call = call;
  }

  get state(): JobReport["state"] {
    return this.#last?.state ?? (this.#isRunning ? "running" : "waiting");
  }

  /** Aborts when the job has ended: whoever waits for something else may stop. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  begin(): void {
    this.#isRunning = true;
  }

  /** @returns what is told of it from now on */
  end({ state, answer }: JobEnd): JobReport {
    this.#last = { ...this.#figures(), state, answer };
    this.#ended.abort();
    return this.#last;
  }

  /** How it stands. Each report has a number of its own, but that of the end remains the same. */
  report(): JobReport {
    return this.#last ?? { ...this.#figures(), state: this.state, answer: null };
  }

  /** What it is worth telling a change of. */
  get standing(): string {
    const { counts } = this.live;
    return JSON.stringify([this.state, this.#progress(), counts]);
  }

  #figures() {
    const { counts, media } = this.live;
    return {
      id: this.request.id,
      sequence: this.#reports++,
      progress: this.#progress(),
      usage: toUsage(counts),
      media,
    };
  }

  #progress(): RunProgress {
    const { stage, frames, counts } = this.live;
    return {
      stage,
      frames_decoded: frames.decoded,
      frames_total: frames.total,
      completion_tokens: counts.completion,
    };
  }
}
