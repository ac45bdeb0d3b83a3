import * as z from "zod";

const count = z.int().nonnegative();

/** What the requests of one group were, as the database sums it. */
export const UsageSums = z.object({
  requests: count.describe("All requests: completed, cut off, failed and refused."),
  completed_requests: count,
  cut_off_requests: count.describe("Requests whose client left before the end."),
  failed_requests: count.describe("Requests that the service failed."),
  refused_requests: count.describe("Requests that were refused with a status below 500."),
  prompt_tokens: count.describe("With those of pictures and clips, and the cached ones."),
  cached_tokens: count,
  image_tokens: count,
  video_tokens: count,
  completion_tokens: count.describe("With those of thinking."),
  reasoning_tokens: count,
  pixels: count.describe("Of pictures, before they are resized."),
  frames: count.describe("Of clips, as they were sampled."),
});

/** What a row is grouped by; the others are not there. */
export const UsageGroup = z.object({
  day: z.string().optional().describe("In UTC, like `2026-11-24`."),
  model: z.string().optional(),
  api_key_id: z.string().optional(),
});

const UsageRow = z.object({
  object: z.literal("usage"),
  ...UsageGroup.shape,
  ...UsageSums.shape,
  video_seconds: z.number().nonnegative().describe("Of clips."),
  cost: z.number().nonnegative().describe("In the currency of the deployment's prices."),
});

/** Answer of `GET /v1/usage`. */
export const UsageList = z.object({
  object: z.literal("list"),
  data: z.array(UsageRow),
  has_more: z.boolean(),
  last_id: z.string().nullable().describe("For `after`, where `has_more`."),
});
export type UsageList = z.infer<typeof UsageList>;
