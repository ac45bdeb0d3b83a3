/** Jobs: chat completions that may take hours, as clients see them. Times are seconds since 1970. */
import * as z from "zod";

import { ChatCompletion } from "./chat-completion.ts";
import { Metadata } from "./metadata.ts";
import { Usage } from "./usage.ts";

export const JOB_ID = /^job_[\da-f]{32}$/;

const ACTIVE_STATUSES = ["queued", "preparing", "running"] as const;
const ENDED_STATUSES = ["completed", "failed", "cancelled", "expired"] as const;

/**
 * `queued`: nothing has begun; `preparing`: its media are brought to where a GPU worker can fetch
 * them; `running`: a GPU worker has it. Of the ends, `expired` is that of a job that was not done
 * within `cancel_after`.
 */
export const JobStatus = z.enum([...ACTIVE_STATUSES, ...ENDED_STATUSES]);
export type JobStatus = z.infer<typeof JobStatus>;
export type EndedJobStatus = (typeof ENDED_STATUSES)[number];

export function isEnded(status: JobStatus): status is EndedJobStatus {
  return ENDED_STATUSES.some((ended) => ended === status);
}

/** A week: longer than any queue is worth waiting in. */
const MAX_CANCEL_AFTER_SECONDS = 604_800;

/** `POST /v1/jobs` */
export const NewJob = z.strictObject({
  request: z
    .record(z.string(), z.unknown())
    .describe("What `POST /v1/chat/completions` takes. `stream` says nothing here."),
  webhook: z
    .string()
    .min(1)
    .max(2048)
    .optional()
    .describe(
      "The one webhook endpoint that is told, by its id `we_…` or its URL; all whose filters match unless said.",
    ),
  metadata: Metadata.default({}),
  cancel_after: z
    .int()
    .min(1)
    .max(MAX_CANCEL_AFTER_SECONDS)
    .optional()
    .describe("Seconds after which a job that is not done is given up and `expired`."),
  priority: z
    .enum(["interactive", "batch"])
    .default("batch")
    .describe("`batch` gives way to requests that somebody waits for."),
  video_strategy: z
    .enum(["whole", "segments"])
    .default("whole")
    .describe(
      "`segments` cuts a video that is longer than a context into overlapping ones, answers each, and then all.",
    ),
});
export type NewJob = z.infer<typeof NewJob>;

const count = z.int().nonnegative();

/** How far a job is. */
export const JobProgress = z.object({
  stage: z
    .enum(["waiting", "fetching", "decoding", "prefill", "generating"])
    .describe("What the GPU worker does with it now."),
  frames_decoded: count,
  frames_total: count.describe("Of its clips, as they are sampled; 0 while that is not known."),
  completion_tokens: count,
  segments_done: count,
  segments_total: count.describe("1 where the video is not cut."),
});
export type JobProgress = z.infer<typeof JobProgress>;

export const NO_PROGRESS: Readonly<JobProgress> = {
  stage: "waiting",
  frames_decoded: 0,
  frames_total: 0,
  completion_tokens: 0,
  segments_done: 0,
  segments_total: 1,
};

const unixSeconds = z.int().nonnegative();

/** Why a job failed: OpenAI's error. */
export const JobError = z.object({
  code: z.string(),
  message: z.string(),
  param: z.string().nullable(),
  type: z.string(),
});
export type JobError = z.infer<typeof JobError>;

/** A job as lists have it. */
export const JobSummary = z.object({
  id: z.string().describe("`job_…`"),
  object: z.literal("job"),
  status: JobStatus,
  model: z.string(),
  priority: NewJob.shape.priority.unwrap(),
  video_strategy: NewJob.shape.video_strategy.unwrap(),
  webhook: z.string().nullable(),
  metadata: Metadata,
  created_at: unixSeconds,
  started_at: unixSeconds.nullable().describe("When a GPU worker first took it."),
  ended_at: unixSeconds.nullable(),
  cancel_at: unixSeconds.nullable().describe("When it is given up, as `cancel_after` said."),
  expires_at: unixSeconds.nullable().describe("Until when an ended job is kept."),
  progress: JobProgress,
  usage: Usage.nullable().describe("Of all that was run for it, once it has ended."),
  error: JobError.nullable(),
});
export type JobSummary = z.infer<typeof JobSummary>;

/** Answer of `GET /v1/jobs/{id}`. */
export const Job = JobSummary.extend({
  result: ChatCompletion.nullable().describe("The chat completion, of a job that is `completed`."),
});
export type Job = z.infer<typeof Job>;

/** Answer of `GET /v1/jobs`, latest first. */
export const JobList = z.object({
  object: z.literal("list"),
  data: z.array(JobSummary),
  first_id: z.string().nullable(),
  last_id: z.string().nullable().describe("For `after`, where `has_more`."),
  has_more: z.boolean(),
});
export type JobList = z.infer<typeof JobList>;

/** Query of `GET /v1/jobs`. */
export const ListJobs = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  order: z.enum(["asc", "desc"]).default("desc"),
  after: z.string().max(100).optional().describe("The list begins behind the job of this id."),
  status: JobStatus.optional(),
});

/** What is told of a job: in its stream of events, and to webhooks. */
export const JOB_EVENTS = [
  "job.queued",
  "job.preparing",
  "job.running",
  "job.progress",
  "job.completed",
  "job.failed",
  "job.cancelled",
  "job.expired",
] as const;
export type JobEventType = (typeof JOB_EVENTS)[number];
