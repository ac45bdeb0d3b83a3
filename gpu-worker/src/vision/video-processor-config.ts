import * as z from "zod";

import { parsePreprocessorConfig } from "./preprocessor-config.ts";
import type { VisionSettings } from "./preprocessor-config.ts";

/** `video_preprocessor_config.json` of a checkpoint, beside the fields that pictures have too. */
const VideoProcessorConfig = z.object({
  fps: z.number().positive().default(2),
  min_frames: z.int().positive().default(4),
  max_frames: z.int().positive().default(768),
  max_video_tokens: z.int().positive().default(768),
});

const FILE = "video_preprocessor_config.json";

/** How the checkpoint wants its clips; `minPixels` and `maxPixels` are over all frames, T · H · W. */
export interface ClipSettings extends VisionSettings {
  /** Frames a second. */
  fps: number;
  minFrames: number;
  maxFrames: number;
  /** Of one frame. */
  maxFrameTokens: number;
  /** What one frame may have whatever the limit over all frames is; for published checkpoints, `minPixels`. */
  frameFloorPixels: number;
  /** How many frames are taken where it is neither by `fps` nor between those limits. */
  frameCount?: number | "all";
}

/** Parses `video_preprocessor_config.json`; throws when a field is missing or makes no sense. */
export function parseVideoProcessorConfig(json: unknown): ClipSettings {
  const parsed = VideoProcessorConfig.safeParse(json);
  if (!parsed.success) {
    throw new Error(`${FILE}: ${z.prettifyError(parsed.error)}`);
  }
  const { fps, min_frames, max_frames, max_video_tokens } = parsed.data;
  const settings = parsePreprocessorConfig(json, FILE);
  return {
    ...settings,
    fps,
    minFrames: min_frames,
    maxFrames: max_frames,
    maxFrameTokens: max_video_tokens,
    frameFloorPixels: settings.minPixels,
  };
}
