import * as z from "zod";

import { MAX_FRAMES, MAX_IMAGE_PIXELS } from "./limits.ts";
import { numeric } from "./numeric.ts";

const pixels = numeric(z.int().positive().max(MAX_IMAGE_PIXELS)).optional();
const tokens = numeric(z.int().positive()).optional();

/** Frames go in pairs. */
const LEAST_FRAMES = 2;
const frames = numeric(z.int().min(LEAST_FRAMES).max(1e9)).optional();

const Options = z.strictObject({
  /** Frames a second that are taken of a clip. */
  fps: numeric(z.number().positive().max(1e9)).optional(),
  /** Frames that are taken of a clip, whatever its length. */
  num_frames: numeric(z.int().min(LEAST_FRAMES).max(MAX_FRAMES)).optional(),
  min_frames: frames,
  max_frames: frames,
  /** False takes every frame of a clip. */
  do_sample_frames: z.boolean().optional(),
  /** Pixels of a picture, and of all frames of a clip together. */
  size: z.strictObject({ shortest_edge: pixels, longest_edge: pixels }).optional(),
  /** The same as `size.shortest_edge`, and stronger. */
  min_pixels: pixels,
  /** The same as `size.longest_edge`, and stronger. */
  max_pixels: pixels,
  /** Tokens of one frame of a clip. */
  max_video_tokens: tokens,
  cap_pixels_per_frame: z
    .literal(true, "only true is supported: tokens of a frame are always limited")
    .optional(),
});

/** `mm_processor_kwargs` as vLLM takes it: other values for the checkpoint's processor, for one request. */
export const ProcessorOptions = Options.refine(
  ({ fps, num_frames }) => fps === undefined || num_frames === undefined,
  { error: "expected fps or num_frames, got both", path: ["num_frames"] },
).refine((options) => isRange(askedPixels(options)), {
  error: "expected the least pixels (min_pixels, shortest_edge) to be at most the most",
});
export type ProcessorOptions = z.infer<typeof Options>;

export interface AskedPixels {
  shortest: number | undefined;
  longest: number | undefined;
}

/** The bounds that were asked for, of whichever spelling counts. */
export function askedPixels({ size, min_pixels, max_pixels }: ProcessorOptions): AskedPixels {
  return {
    shortest: min_pixels ?? size?.shortest_edge,
    longest: max_pixels ?? size?.longest_edge,
  };
}

function isRange({ shortest = 0, longest = Infinity }: AskedPixels): boolean {
  return shortest <= longest;
}
