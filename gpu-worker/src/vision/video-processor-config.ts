import * as z from "zod";

import { parsePreprocessorConfig } from "./preprocessor-config.ts";
import type { VisionSettings } from "./preprocessor-config.ts";

/** `video_preprocessor_config.json` of a checkpoint, beside the fields that pictures have too. */
const VideoProcessorConfig = z.object({
  fps: z.number().positive().default(2),
  min_frames: z.int().positive().default(4),
  max_frames: z.int().positive().default(768),
});

const FILE = "video_preprocessor_config.json";

/** How the checkpoint wants its clips; `minPixels` and `maxPixels` are over all frames, T · H · W. */
export interface ClipSettings extends VisionSettings {
  /** Frames a second. */
  fps: number;
  minFrames: number;
  maxFrames: number;
}

/** Parses `video_preprocessor_config.json`; throws when a field is missing or makes no sense. */
export function parseVideoProcessorConfig(json: unknown): ClipSettings {
  const parsed = VideoProcessorConfig.safeParse(json);
  if (!parsed.success) {
    throw new Error(`${FILE}: ${z.prettifyError(parsed.error)}`);
  }
  const { fps, min_frames: minFrames, max_frames: maxFrames } = parsed.data;
  return { ...parsePreprocessorConfig(json, FILE), fps, minFrames, maxFrames };
}
