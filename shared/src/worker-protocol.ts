/**
 * What the edge and a GPU worker say to each other.
 *
 * `POST /v1/chat/completions` carries `multipart/form-data`: the part `request` (JSON of
 * `WorkerRequest`) first, then the bytes of each medium in a part of its name. In the body, a medium
 * is named by a `cid:` URL (RFC 2392); those of `stored` the worker fetches itself. The answer is OpenAI's, byte for byte what the client gets,
 * with the prompt's tokens in headers and, in a stream, the number of completion tokens so far as
 * each event's `id`; comments tell what the headers could not know.
 *
 * `GET /v1/requests/{id}` answers the `RequestRecord` of a request; `POST /v1/requests/{id}/abort`
 * ends it before.
 */
import * as z from "zod";

import { FetchPolicy } from "./fetch-policy.ts";
import {
  MAX_INLINE_MEDIA_BYTES,
  MAX_MEDIA_URLS,
  MAX_UPLOAD_BYTES,
  MAX_URL_LENGTH,
  MAX_VIDEO_BYTES,
} from "./limits.ts";
import { MediaFigures } from "./media-figures.ts";
import { Usage } from "./usage.ts";

export const REQUEST_PART = "request";
export const CHAT_COMPLETIONS_PATH = "/v1/chat/completions";
/** The same body as a chat completion; answers an `Estimate`. */
export const ESTIMATE_PATH = "/v1/chat/completions/estimate";
export const MODELS_PATH = "/v1/models";
/** 200 while the worker takes requests, 503 while it is full or shuts down. */
export const HEALTH_PATH = "/v1/health";

/** The `X-Request-Id` that the client sees: for log lines, not a key; the client may have chosen it. */
export const REQUEST_ID_HEADER = "X-Request-Id";

export const requestPath = (requestId: string) => `/v1/requests/${requestId}`;
export const abortPath = (requestId: string) => `${requestPath(requestId)}/abort`;

const RequestId = z.string().regex(/^[\w-]{1,128}$/, "expected 1 to 128 letters, digits, _ or -");

/** A medium that travels in the multipart body; the signature covers its bytes through `sha256`. */
export const InlineMedium = z.strictObject({
  name: z.string().regex(/^media-\d+$/),
  bytes: z.int().positive().max(MAX_VIDEO_BYTES),
  sha256: z.string().regex(/^[\da-f]{64}$/),
  type: z.string(),
});
export type InlineMedium = z.infer<typeof InlineMedium>;

/**
 * A medium that the worker fetches itself, by a presigned URL of the deployment's bucket. What comes
 * must have this length, and this SHA-256 or, where nobody has computed it, this ETag.
 */
export const StoredMedium = z.strictObject({
  name: z.string().regex(/^media-\d+$/),
  url: z.url({ protocol: /^https?$/ }).max(MAX_URL_LENGTH),
  bytes: z.int().positive().max(MAX_UPLOAD_BYTES),
  sha256: z
    .string()
    .regex(/^[\da-f]{64}$/)
    .nullable(),
  etag: z.string().max(200),
  type: z.string(),
});
export type StoredMedium = z.infer<typeof StoredMedium>;

/** The part `request`: `body` is the client's request, parsed again by the worker. */
export const WorkerRequest = z.strictObject({
  id: RequestId,
  /** Whose request it is: caches are shared within a tenant only. */
  tenant: z.string().max(128),
  /** Whether somebody waits for the answer, or a job does, which gives way for a while. */
  priority: z.enum(["interactive", "batch"]).default("interactive"),
  body: z.unknown(),
  media: z
    .array(InlineMedium)
    .max(MAX_MEDIA_URLS)
    .refine(
      (media) => media.reduce((sum, { bytes }) => sum + bytes, 0) <= MAX_INLINE_MEDIA_BYTES,
      `expected at most ${MAX_INLINE_MEDIA_BYTES} bytes together`,
    ),
  stored: z.array(StoredMedium).max(MAX_MEDIA_URLS).default([]),
  /** By what policy the worker itself fetches the `https:` URLs that still stand in the body; it fetches none without. */
  fetch: FetchPolicy.optional(),
});
export type WorkerRequest = z.infer<typeof WorkerRequest>;
export type Priority = WorkerRequest["priority"];

export const cidUrl = (name: string) => `cid:${name}`;

/** The media part a `cid:` URL names, or undefined for any other URL. */
export function mediaNameOf(url: string): string | undefined {
  return url.startsWith("cid:") ? url.slice("cid:".length) : undefined;
}

/** What the worker knows of a request, for a while also after its end; what is `running` still counts. */
export const RequestRecord = z.object({
  state: z.enum(["running", "answered", "failed", "aborted"]),
  usage: Usage,
  media: MediaFigures,
});
export type RequestRecord = z.infer<typeof RequestRecord>;

/** `X-Prompt-Usage` of an answer: everything that is known of `usage` before the first token. */
export const PROMPT_USAGE_HEADER = "X-Prompt-Usage";
/** `X-Completion-Tokens` of an answer that is not streamed. */
export const COMPLETION_TOKENS_HEADER = "X-Completion-Tokens";
/** `X-Reasoning-Tokens` of the same: those of its completion tokens that were thought. */
export const REASONING_TOKENS_HEADER = "X-Reasoning-Tokens";

/** The comment in a stream that corrects `cached` of its headers: `cached=64`. */
export const cachedComment = (tokens: number) => `cached=${tokens}`;
/** The comment that tells, before an event, how many of its completion tokens were thought: `reasoning=12`. */
export const reasoningComment = (tokens: number) => `reasoning=${tokens}`;

/** `X-Media-Usage` of an answer: its `MediaFigures`. */
export const MEDIA_USAGE_HEADER = "X-Media-Usage";

const PROMPT_USAGE_FIELDS = ["prompt", "cached", "image", "video"] as const;
export type PromptCounts = Record<(typeof PROMPT_USAGE_FIELDS)[number], number>;

/** `prompt=84, cached=0, image=64, video=0` */
export function formatPromptUsage(counts: PromptCounts): string {
  return PROMPT_USAGE_FIELDS.map((field) => `${field}=${counts[field]}`).join(", ");
}

export function parsePromptUsage(header: string): PromptCounts {
  const [prompt, cached, image, video] = PROMPT_USAGE_FIELDS.map((field) => countIn(header, field));
  return { prompt: prompt ?? 0, cached: cached ?? 0, image: image ?? 0, video: video ?? 0 };
}

/** `pixels=50176, video_ms=0, frames=0` */
export function formatMediaUsage({ pixels, video_ms, frames }: MediaFigures): string {
  return `pixels=${pixels}, video_ms=${video_ms}, frames=${frames}`;
}

export function parseMediaUsage(header: string): MediaFigures {
  return {
    pixels: countIn(header, "pixels"),
    video_ms: countIn(header, "video_ms"),
    frames: countIn(header, "frames"),
  };
}

function countIn(header: string, field: string): number {
  return Number(new RegExp(String.raw`\b${field}=(\d+)`).exec(header)?.[1] ?? 0);
}
