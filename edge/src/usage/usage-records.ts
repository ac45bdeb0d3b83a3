import { MediaFigures } from "@qwen3-vl/shared/media-figures";
import * as z from "zod";

/**
 * `cut_off`: the client left; `failed`: the GPU worker broke off, or was not reached; `refused`: the
 * request asked for what it may not, or more than its key may.
 */
const Outcome = z.enum(["completed", "cut_off", "failed", "refused"]);
export type Outcome = z.infer<typeof Outcome>;

const count = z.int().nonnegative();

/** Tokens of one request; `prompt` includes those of pictures and videos, `completion` those of thoughts. */
const UsageCounts = z.object({
  prompt: count,
  cached: count,
  image: count,
  video: count,
  completion: count,
  reasoning: count,
});
export type UsageCounts = z.infer<typeof UsageCounts>;

/** What is known of a completion request from its beginning. */
export const RequestDraft = z.object({
  /** Unique, under which the GPU worker knows the request. */
  id: z.string(),
  /** The answer's `X-Request-Id`. */
  requestId: z.string(),
  apiKeyId: z.string(),
  tenant: z.string(),
  /** Empty until it is known. */
  model: z.string(),
  /** Milliseconds since 1970. */
  startedAt: z.int(),
});
export type RequestDraft = z.infer<typeof RequestDraft>;

/** How a completion request ended, and what it used until then. */
const RequestEnding = z.object({ outcome: Outcome, counts: UsageCounts, media: MediaFigures });
export type RequestEnding = z.infer<typeof RequestEnding>;

/** What a completion request is billed by; every one has a record. */
export const UsageRecord = z.object({
  ...RequestDraft.shape,
  ...RequestEnding.shape,
  durationMs: z.int().nonnegative(),
  costMicros: z.int().nonnegative(),
});
export type UsageRecord = z.infer<typeof UsageRecord>;
