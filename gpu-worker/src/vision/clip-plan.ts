import type { ClipOptions } from "@qwen3-vl/shared/content-part";
import { ApiError } from "@qwen3-vl/shared/errors";

import { processorClipSize, qwenVlUtilsClipSize } from "./clip-size.ts";
import { frameListFirstSize } from "./frame-list-size.ts";
import {
  processorFrames,
  processorThins,
  qwenVlUtilsFrames,
  qwenVlUtilsThins,
} from "./frame-sampling.ts";
import type { ClipLength } from "./frame-sampling.ts";
import { pairTimes } from "./frame-times.ts";
import { gridOf } from "./grid.ts";
import type { Grid } from "./grid.ts";
import type { PixelSize } from "./smart-resize.ts";
import type { ClipSettings } from "./video-processor-config.ts";

/** What of a clip is decoded, and what becomes of it: everything but the pixels. */
export interface ClipPlan {
  /** Frames to decode, ascending. */
  indices: readonly number[];
  /** Of each frame, in pixels. */
  size: PixelSize;
  /** What each frame is resized to before. */
  firstSize?: PixelSize;
  grid: Grid;
  /** Of each frame pair, in seconds, e.g. `0.3`. */
  timestamps: readonly string[];
  /** Length of the whole clip. */
  seconds: number;
}

/** A clip in a container, which may tell another rate than its frames have. */
export interface ContainedClip extends PixelSize {
  frames: number;
  /** As the container tells it. */
  averageFps: number;
  /** As the frames' times tell it; another where the rate varies. */
  measuredFps: number;
}

/**
 * A part with any option is treated as qwen-vl-utils treats it, one without as the checkpoint's
 * processor does. The two take the frame rate from different places (torchcodec's content and header).
 */
export function planClip(
  { averageFps, measuredFps, ...rest }: ContainedClip,
  options: ClipOptions,
  settings: ClipSettings,
): ClipPlan {
  const asUtils = hasOptions(options);
  const clip = { ...rest, fps: asUtils ? measuredFps : averageFps };
  if (clip.frames < settings.temporalPatchSize) {
    // As the references do: what stands still is a picture.
    const message = `expected a clip of at least ${settings.temporalPatchSize} frames, got ${clip.frames}`;
    throw new ApiError("invalid_media", message);
  }
  const indices = asUtils ? qwenVlUtilsFrames(clip, options) : processorFrames(clip, settings);
  return planFrames(indices, clip, options, settings);
}

/**
 * The plan of a clip that is given as its frames, taken `fps` a second; they are all used. Where they
 * are odd, qwen-vl-utils repeats the last one at a time of its own, the processor at the same time.
 */
export function planFrameList(
  clip: ClipLength & PixelSize,
  options: ClipOptions,
  settings: ClipSettings,
): ClipPlan {
  const { frames, fps } = clip;
  const indices = Array.from({ length: frames }, (_, index) => index);
  if (!hasOptions(options)) {
    return planFrames(indices, clip, options, settings);
  }
  const { patchSize, temporalPatchSize } = settings;
  const pairs = Math.ceil(frames / temporalPatchSize);
  const evenCount = pairs * temporalPatchSize;
  const firstSize = frameListFirstSize(clip, options, settings);
  const size = qwenVlUtilsClipSize(firstSize, evenCount, options, settings);
  const times = Array.from({ length: evenCount }, (_, index) => index);
  return {
    indices,
    firstSize,
    size,
    grid: gridOf(size, patchSize, pairs),
    timestamps: pairTimes(times, fps),
    seconds: frames / fps,
  };
}

function planFrames(
  indices: readonly number[],
  clip: ClipLength & PixelSize,
  options: ClipOptions,
  settings: ClipSettings,
): ClipPlan {
  const count = indices.length;
  const size = hasOptions(options)
    ? qwenVlUtilsClipSize(clip, count, options, settings)
    : processorClipSize(clip, count, settings);
  const pairs = Math.ceil(count / settings.temporalPatchSize);
  return {
    indices,
    size,
    grid: gridOf(size, settings.patchSize, pairs),
    timestamps: pairTimes(indices, clip.fps),
    seconds: clip.frames / clip.fps,
  };
}

/** Whether a clip would have more frames, at the rate that is asked for, if there were no maximum. */
export function isThinned(
  { averageFps, measuredFps, ...rest }: ContainedClip,
  options: ClipOptions,
  settings: ClipSettings,
): boolean {
  return hasOptions(options)
    ? qwenVlUtilsThins({ ...rest, fps: measuredFps }, options)
    : processorThins({ ...rest, fps: averageFps }, settings);
}

function hasOptions(options: ClipOptions): boolean {
  return Object.values(options).some((value) => value !== undefined);
}
