import type { ChatCompletion } from "@qwen3-vl/shared/chat-completion";
import { ApiError, toApiError } from "@qwen3-vl/shared/errors";
import { MAX_JOB_ANSWER_BYTES } from "@qwen3-vl/shared/worker-jobs";
import type { JobAccepted, JobReport, WorkerJob } from "@qwen3-vl/shared/worker-jobs";

import { BusyError } from "../engine/admission.ts";
import { Line } from "../engine/line.ts";
import { turnOf } from "../engine/turn.ts";
import type { Logger } from "../log.ts";
import type { WorkerFigures } from "../metrics/worker-figures.ts";
import type { RequestRegistry } from "../server/request-registry.ts";
import { EndedJobs } from "./ended-jobs.ts";
import { Job } from "./job.ts";
import type { JobCall, JobEnd } from "./job.ts";
import { postReport } from "./post-report.ts";
import { reportEnd, reportWhileRunning } from "./report-job.ts";
import type { Tell } from "./report-job.ts";
import { REPORT_PACE } from "./report-pace.ts";
import type { ReportPace } from "./report-pace.ts";

export interface JobLimits {
  /** Jobs that run at a time. */
  maxRunning: number;
  /** Jobs that may wait beyond them. */
  maxWaiting: number;
  pace?: ReportPace;
}

export interface JobsOptions extends JobLimits {
  /** Runs a job; rejects with its failure, and soon after it was aborted. */
  answer: (job: Pick<Job, "request" | "live" | "call">) => Promise<ChatCompletion>;
  registry: RequestRegistry;
  /** Signs reports. */
  secret: string;
  figures: WorkerFigures;
  logger: Logger;
}

/** The end of a job, and what aborts when it is not kept any longer. */
interface KeptEnd {
  report: JobReport;
  dropped: AbortSignal;
}

/** Of what waits, as JSON: their media are elsewhere, so that most have a few thousand. */
const MAX_WAITING_BYTES = 256 * 2 ** 20;

/** Seconds after which a refused job may come again. */
const RETRY_AFTER_SECONDS = 5;

/** What an aborted job gets to stop counting; then it is told to have ended, and keeps its place until it has. */
const ABORT_MS = 500;

/** Jobs from their acceptance until somebody has taken their ends. */
export class Jobs {
  readonly #options: JobsOptions;
  readonly #line: Line;
  readonly #live = new Map<string, Job>();
  readonly #ended = new EndedJobs();
  readonly #following = new Set<Promise<unknown>>();
  #waitingBytes = 0;
  #isDraining = false;
  #isSilent = false;

  constructor(options: JobsOptions) {
    this.#options = options;
    this.#line = new Line(options.maxRunning);
  }

  get waiting(): number {
    return this.#line.waiting;
  }

  get running(): number {
    return this.#line.inside;
  }

  /**
   * Takes a job; of one that is, or was, here already it only tells how it stands.
   *
   * @throws BusyError when too many wait, or the worker shuts down
   */
  accept(request: WorkerJob, call: JobCall): JobAccepted {
    const { id } = request;
    const known = this.find(id)?.state ?? this.#registeredState(id);
    if (known !== undefined) {
      return { id, state: known };
    }
    this.#assertRoom(call.bytes);
    const live = this.#options.registry.begin(id);
    if (live === undefined) {
      throw new Error(`the registry refuses ${id}, which it does not know`);
    }
    const job = new Job(request, live, call);
    this.#live.set(id, job);
    const { report_to: url } = request;
    const following = this.#untilEnd(job).then((end) => this.#tellEnd(end, url));
    this.#following.add(following);
    void following.finally(() => this.#following.delete(following));
    return { id, state: job.state };
  }

  /** How a job stands; undefined for one that is not, or no longer, known. */
  find(id: string): JobReport | undefined {
    return this.#live.get(id)?.report() ?? this.#ended.find(id);
  }

  /** Takes no more jobs and gives up those that wait; resolves when the ends of all are taken. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    for (const job of this.#live.values()) {
      if (job.state === "waiting") {
        job.live.abort();
      }
    }
    await Promise.all(this.#following);
  }

  /** Tells nobody anything any more. */
  hangUp(): void {
    this.#isSilent = true;
    this.#ended.dropAll();
  }

  /** Of a job whose end is not kept any longer, or that was aborted before it came. */
  #registeredState(id: string): JobReport["state"] | undefined {
    const state = this.#options.registry.find(id)?.state;
    if (state === "running") {
      const message = `The request id ${id} is taken.`;
      throw new ApiError("invalid_request", message, { param: "id" });
    }
    return state;
  }

  #assertRoom(bytes: number): void {
    if (this.#isDraining) {
      throw new BusyError("The server is shutting down.", RETRY_AFTER_SECONDS);
    }
    const isFull =
      this.#line.waiting >= this.#options.maxWaiting ||
      this.#waitingBytes + bytes > MAX_WAITING_BYTES;
    if (isFull && this.#line.inside >= this.#options.maxRunning) {
      const message = `The server has ${this.#line.waiting} jobs waiting.`;
      throw new BusyError(message, RETRY_AFTER_SECONDS);
    }
  }

  /** Reports it meanwhile; never rejects. @returns what is told of it from now on */
  async #untilEnd(job: Job): Promise<KeptEnd> {
    const { pace = REPORT_PACE, registry } = this.#options;
    const reporting = reportWhileRunning(job, this.#teller(job.request.report_to), pace);
    const end = await this.#run(job);
    const report = job.end(end);
    this.#live.delete(report.id);
    const dropped = this.#ended.keep(report);
    job.live.isAnswered = end.state === "answered";
    registry.end(job.live);
    await reporting;
    return { report, dropped };
  }

  /** Knows nothing of the job but its end: that may wait for an hour, and requests are large. */
  async #tellEnd({ report, dropped }: KeptEnd, url: string): Promise<void> {
    const { pace = REPORT_PACE, logger } = this.#options;
    if (!this.#isSilent && (await reportEnd(report, this.#teller(url), pace, dropped))) {
      this.#ended.take(report.id);
    } else {
      logger.warn("nobody took the end of a job", { id: report.id, state: report.state });
    }
  }

  #teller(url: string): Tell {
    const { secret, figures, pace = REPORT_PACE } = this.#options;
    return async (report, signal) => {
      const outcome = await postReport(report, { url, secret, timeoutMs: pace.timeoutMs }, signal);
      figures.jobReportsFailed += outcome === "failed" && !signal.aborted ? 1 : 0;
      return outcome;
    };
  }

  /** Ends soon after the job was aborted, whatever it is at then. */
  async #run(job: Job): Promise<JobEnd> {
    const abandoned = Promise.withResolvers<JobEnd>();
    let timer: NodeJS.Timeout | undefined;
    const onAbort = () => {
      timer = setTimeout(() => abandoned.resolve(ABORTED), ABORT_MS);
    };
    const { signal } = job.live;
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await Promise.race([this.#runInTurn(job), abandoned.promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
      clearTimeout(timer);
    }
  }

  /** Never rejects. */
  async #runInTurn(job: Job): Promise<JobEnd> {
    const { request, live } = job;
    using places = new DisposableStack();
    try {
      places.use(await this.#takeTurn(job));
      live.signal.throwIfAborted();
      job.begin();
      const body = await this.#options.answer(job);
      assertTellable(body);
      return { state: "answered", answer: { status: 200, body } };
    } catch (error) {
      if (live.signal.aborted) {
        return ABORTED;
      }
      const apiError = toApiError(error);
      if (apiError.code === "internal") {
        this.#options.logger.error("job failed", { id: request.id, error });
      }
      const answer = { status: apiError.status, body: apiError.toJSON() };
      return { state: "failed", answer };
    }
  }

  async #takeTurn({ request, live, call: { bytes } }: Job): Promise<Disposable> {
    this.#waitingBytes += bytes;
    try {
      return await this.#line.enter(turnOf(Date.now(), request.priority), live.signal);
    } finally {
      this.#waitingBytes -= bytes;
    }
  }
}

const ABORTED: JobEnd = { state: "aborted", answer: null };

/** @throws ApiError for an answer that is too large for a report */
function assertTellable(completion: ChatCompletion): void {
  const bytes = Buffer.byteLength(JSON.stringify(completion));
  if (bytes > MAX_JOB_ANSWER_BYTES) {
    throw new ApiError(
      "invalid_request",
      `The answer has ${bytes} bytes, expected at most ${MAX_JOB_ANSWER_BYTES}; ask for fewer answers, tokens or log-probabilities.`,
    );
  }
}
