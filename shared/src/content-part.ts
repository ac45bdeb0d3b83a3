import * as z from "zod";

import { MAX_FRAMES } from "./limits.ts";
import { numeric } from "./numeric.ts";
import { canonicalPart } from "./part-aliases.ts";

const pixels = numeric(z.int().positive()).optional();
const seconds = numeric(z.number().min(0).max(1e6)).optional();
const frames = numeric(z.int().min(1).max(1e9)).optional();

const pixelOptions = {
  min_pixels: pixels.describe("Least pixels that a picture is resized to."),
  max_pixels: pixels.describe("Most pixels that it is resized to."),
  resized_height: pixels.describe("Its height then, where its width is given too."),
  resized_width: pixels,
};

const clipOptions = {
  ...pixelOptions,
  total_pixels: pixels.describe("Most pixels of all frames together."),
  fps: numeric(z.number().positive().max(1e9)).optional().describe("Frames taken of each second."),
  nframes: frames.describe("Frames that are taken, in place of a rate."),
  min_frames: frames,
  max_frames: frames,
  video_start: seconds.describe("Second at which the clip begins."),
  video_end: seconds.describe("Second at which it ends."),
};

/** What a client may say about a picture's size; meanings in qwen-vl-utils. */
export const PixelOptions = z.object(pixelOptions);
export type PixelOptions = z.infer<typeof PixelOptions>;

/** What a client may say about a clip's frames and their size; meanings in qwen-vl-utils. */
export const ClipOptions = z.object(clipOptions);
export type ClipOptions = z.infer<typeof ClipOptions>;

const url = z.string().min(1).describe("`https:`, or `data:` with base64.");

const TextPart = z.strictObject({ type: z.literal("text"), text: z.string() });

const ImagePart = z.strictObject({
  type: z.literal("image_url"),
  image_url: z.strictObject({
    url,
    detail: z.enum(["auto", "low", "high", "original"]).optional(),
  }),
  ...pixelOptions,
});
export type ImagePart = z.infer<typeof ImagePart>;

const VideoPart = z.strictObject({
  type: z.literal("video_url"),
  video_url: z.strictObject({ url }),
  ...clipOptions,
});
export type VideoPart = z.infer<typeof VideoPart>;

/** A clip as the list of its frames. */
const FramesPart = z.strictObject({
  type: z.literal("video"),
  video: z.array(url).min(1).max(MAX_FRAMES, `expected at most ${MAX_FRAMES} frames`),
  sample_fps: numeric(z.number().positive().max(1000))
    .optional()
    .describe("Frames a second that the list was taken with."),
  ...clipOptions,
});
export type FramesPart = z.infer<typeof FramesPart>;

/** Names of the options that may stand inside a part's object as well as beside it. */
export const MEDIA_OPTIONS: ReadonlySet<string> = new Set(Object.keys(clipOptions));

/** One part of a message in its one canonical spelling; aliases are rewritten before. */
export const ContentPart = z.preprocess(
  (part) => canonicalPart(part, MEDIA_OPTIONS),
  z.discriminatedUnion("type", [TextPart, ImagePart, VideoPart, FramesPart], {
    error: unknownPart,
  }),
);
export type ContentPart = z.infer<typeof ContentPart>;

/** A part that is a picture or clip. */
export type MediaPart = Exclude<ContentPart, { type: "text" }>;

function unknownPart({ input }: { input?: unknown }): string {
  const type = z.object({ type: z.string() }).safeParse(input).data?.type;
  const got = type === undefined ? "none" : JSON.stringify(type.slice(0, 80));
  return `expected a part of type "text", "image_url", "video_url" or "video", got ${got}`;
}
