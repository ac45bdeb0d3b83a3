/**
 * What the edge and a GPU worker say to each other.
 *
 * `POST /v1/chat/completions` carries `multipart/form-data`: the part `request` (JSON of
 * `WorkerRequest`) first, then the bytes of each medium in a part of its name. In the body, a medium
 * is named by a `cid:` URL (RFC 2392). The answer is OpenAI's, byte for byte what the client gets,
 * with the prompt's tokens in headers and, in a stream, the number of completion tokens so far as
 * each event's `id`; comments tell what the headers could not know.
 *
 * `POST /v1/requests/{id}/abort` ends a request and answers its `RequestRecord`.
 */
import * as z from "zod";

import { FetchPolicy } from "./fetch-policy.ts";
import { MAX_INLINE_MEDIA_BYTES, MAX_MEDIA_URLS, MAX_VIDEO_BYTES } from "./limits.ts";
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

export const abortPath = (requestId: string) => `/v1/requests/${requestId}/abort`;

const RequestId = z.string().regex(/^[\w-]{1,128}$/, "expected 1 to 128 letters, digits, _ or -");

/** A medium that travels in the multipart body; the signature covers its bytes through `sha256`. */
export const InlineMedium = z.strictObject({
  name: z.string().regex(/^media-\d+$/),
  bytes: z.int().positive().max(MAX_VIDEO_BYTES),
  sha256: z.string().regex(/^[\da-f]{64}$/),
  type: z.string(),
});
export type InlineMedium = z.infer<typeof InlineMedium>;

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

/** What the worker knows of a request, also after it was cut off. */
export const RequestRecord = z.object({ usage: Usage });
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

const PROMPT_USAGE_FIELDS = ["prompt", "cached", "image", "video"] as const;
export type PromptCounts = Record<(typeof PROMPT_USAGE_FIELDS)[number], number>;

/** `prompt=84, cached=0, image=64, video=0` */
export function formatPromptUsage(counts: PromptCounts): string {
  return PROMPT_USAGE_FIELDS.map((field) => `${field}=${counts[field]}`).join(", ");
}

export function parsePromptUsage(header: string): PromptCounts {
  const counts: PromptCounts = { prompt: 0, cached: 0, image: 0, video: 0 };
  for (const field of PROMPT_USAGE_FIELDS) {
    counts[field] = Number(new RegExp(String.raw`\b${field}=(\d+)`).exec(header)?.[1] ?? 0);
  }
  return counts;
}
