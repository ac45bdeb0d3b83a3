import { askedPixels } from "@qwen3-vl/shared/processor-options";
import type { ProcessorOptions } from "@qwen3-vl/shared/processor-options";

import type { VisionSettings } from "./preprocessor-config.ts";
import type { ClipSettings } from "./video-processor-config.ts";

/**
 * The checkpoint's settings as a request's `mm_processor_kwargs` change them. A maximum is only ever
 * lowered, and lowers a minimum that is above it.
 */
export function askedImageSettings(
  settings: VisionSettings,
  options: ProcessorOptions,
): VisionSettings {
  return { ...settings, ...pixelLimits(settings, options) };
}

/** The same of clips. */
export function askedClipSettings(settings: ClipSettings, options: ProcessorOptions): ClipSettings {
  const maxFrames = Math.min(options.max_frames ?? Infinity, settings.maxFrames);
  const limits = pixelLimits(settings, options);
  const frameCount = options.do_sample_frames === false ? "all" : options.num_frames;
  return {
    ...settings,
    ...limits,
    frameFloorPixels: Math.min(limits.minPixels, settings.frameFloorPixels),
    maxFrameTokens: Math.min(options.max_video_tokens ?? Infinity, settings.maxFrameTokens),
    fps: options.fps ?? settings.fps,
    minFrames: Math.min(options.min_frames ?? settings.minFrames, maxFrames),
    maxFrames,
    ...(frameCount === undefined ? {} : { frameCount }),
  };
}

function pixelLimits(settings: VisionSettings, options: ProcessorOptions) {
  const { shortest = settings.minPixels, longest = settings.maxPixels } = askedPixels(options);
  const maxPixels = Math.min(longest, settings.maxPixels);
  return { minPixels: Math.min(shortest, maxPixels), maxPixels };
}
