/**
 * Jobs between the edge and a GPU worker: requests whose answer nobody holds a connection for.
 *
 * `POST /v1/jobs` carries the JSON of a `WorkerJob`, signed; the worker answers 202 at once, also to one
 * that it has already, and 503 with `X-Worker-Busy` when it has too many. From then on it posts a signed
 * `JobReport` to `report_to` when something has changed, at most once a second, and at least every
 * `HEARTBEAT_MS`; the last one, with the answer, is sent again until somebody has taken it.
 * A report is taken by 2xx; 404 and 410 say that nobody wants to hear of the job, which aborts it if it
 * has not ended; anything else, 3xx too, is a failure.
 * `GET /v1/jobs/{id}` answers the same report, until some minutes after its end was taken.
 * `POST /v1/requests/{id}/abort` ends a job as any request.
 *
 * A worker that shuts down gives up the jobs that wait at once, and after a while those that run: their
 * ends are reported as `aborted`. So a job that nobody asked to abort is to be given to another worker.
 */
import * as z from "zod";

import { JobProgress } from "./jobs.ts";
import { MAX_URL_LENGTH } from "./limits.ts";
import { MediaFigures } from "./media-figures.ts";
import { Usage } from "./usage.ts";
import { WorkerRequest } from "./worker-protocol.ts";

export const WORKER_JOBS_PATH = "/v1/jobs";
export const workerJobPath = (id: string) => `${WORKER_JOBS_PATH}/${id}`;

/** Answers the `SegmentPlan` of a `SegmentsRequest`. */
export const SEGMENTS_PATH = "/v1/segments";

/** A worker that has said nothing for several of these may be dead. */
export const HEARTBEAT_MS = 10_000;

/** A job's media are in the bucket, or fetched by the worker: it waits, and then memory is dear. */
export const WorkerJob = WorkerRequest.omit({ media: true }).extend({
  report_to: z.url({ protocol: /^https?$/ }).max(MAX_URL_LENGTH),
});
export type WorkerJob = z.infer<typeof WorkerJob>;

/** Bytes of a job's answer as JSON. Whoever takes the report has it there as bytes, text and objects, in 128 MB. */
export const MAX_JOB_ANSWER_BYTES = 24 * 2 ** 20;

const PROGRESS_OF_A_RUN = { segments_done: true, segments_total: true } as const;

export const RunProgress = JobProgress.omit(PROGRESS_OF_A_RUN);
export type RunProgress = z.infer<typeof RunProgress>;

/** What a worker says of a job. */
export const JobReport = z.object({
  id: z.string(),
  /** Counts a worker's reports of a job, so that an older one that comes late is known. */
  sequence: z.int().nonnegative(),
  state: z.enum(["waiting", "running", "answered", "failed", "aborted"]),
  progress: RunProgress,
  usage: Usage,
  media: MediaFigures,
  /** Null unless the job is `answered` or `failed`: a chat completion, or OpenAI's error, and its HTTP status. */
  answer: z.object({ status: z.int(), body: z.unknown() }).nullable(),
});
export type JobReport = z.infer<typeof JobReport>;

/** Answer to `POST /v1/jobs`. */
export type JobAccepted = Pick<JobReport, "id" | "state">;

/** A request whose one clip is to be cut. */
export const SegmentsRequest = WorkerRequest.omit({ media: true });
export type SegmentsRequest = z.infer<typeof SegmentsRequest>;

/** Of a clip; each becomes a request of its own, whose answers are read together in the end. */
export const MAX_SEGMENTS = 256;

/** Tokens of each segment that are left for what its request is told beside the original: where in the clip it lies. */
export const SEGMENT_WORDS = 64;

/** Tokens of an answer to a segment that are left where the request does not say `max_tokens`; less in small contexts. */
export const SEGMENT_ANSWER_TOKENS = 2048;

/** A part of a clip, in seconds of the clip: the `video_start` and `video_end` of its request. */
export const Segment = z.object({
  start: z.number().nonnegative(),
  end: z.number().positive(),
  /** As the usage of its request will tell them. */
  video_tokens: z.int().positive(),
});
export type Segment = z.infer<typeof Segment>;

/**
 * How a clip is cut so that each part fits the context with its question and answer, and has as many
 * frames as the rate that was asked for takes of it. One segment: the clip fits as the request has it,
 * which is to be left as it is.
 */
export const SegmentPlan = z.object({
  /** Which part of which message is the clip. */
  message: z.int().nonnegative(),
  part: z.int().nonnegative(),
  /** Of the clip, in seconds. */
  duration: z.number().positive(),
  segments: z.array(Segment).min(1).max(MAX_SEGMENTS),
});
export type SegmentPlan = z.infer<typeof SegmentPlan>;
