import type { ClipOptions } from "@qwen3-vl/shared/content-part";
import { ApiError } from "@qwen3-vl/shared/errors";
import { MAX_FRAMES } from "@qwen3-vl/shared/limits";

import { roundHalfEven } from "./round.ts";
import type { ClipSettings } from "./video-processor-config.ts";

/** What is known of a clip before a frame is decoded. */
export interface ClipLength {
  frames: number;
  /** Average frames a second. */
  fps: number;
}

/** qwen-vl-utils' defaults. */
const DEFAULT_FPS = 2;
const DEFAULT_MIN_FRAMES = 4;

/** Frames go in pairs. */
const PAIR = 2;

/**
 * Frame indices as the checkpoint's processor (transformers) chooses them. Like the processor, it
 * takes frames twice where more are asked for by number than there are.
 *
 * @throws ApiError `invalid_request` for all frames of a clip with too many
 */
export function processorFrames(clip: ClipLength, settings: ClipSettings): number[] {
  return linspace64(0, clip.frames - 1, processorCount(clip, settings));
}

function processorCount({ frames, fps }: ClipLength, settings: ClipSettings): number {
  const { frameCount: asked, minFrames, maxFrames } = settings;
  if (asked === undefined) {
    const wanted = Math.trunc((frames / fps) * settings.fps);
    return Math.min(Math.max(wanted, minFrames), maxFrames, frames);
  }
  if (asked === "all" && frames > maxFrames) {
    throw new ApiError(
      "invalid_request",
      `expected a clip of at most ${maxFrames} frames without sampling (do_sample_frames: false), got ${frames}`,
    );
  }
  return asked === "all" ? frames : Math.min(asked, maxFrames);
}

/** Whether the processor takes fewer frames than its rate would, for there is a maximum. */
export function processorThins({ frames, fps }: ClipLength, settings: ClipSettings): boolean {
  const wanted = Math.min(Math.trunc((frames / fps) * settings.fps), frames);
  return settings.frameCount === undefined && wanted > settings.maxFrames;
}

/**
 * Frame indices as qwen-vl-utils chooses them for a part with options. A client may ask for fewer
 * frames than 768, never for more.
 *
 * @throws ApiError `invalid_request` whose `param` is the option at fault
 */
export function qwenVlUtilsFrames(clip: ClipLength, options: ClipOptions): number[] {
  const { start, end } = frameRange(clip, options);
  const frames = end - start + 1;
  return linspace32(start, end, frameCount({ frames, fps: clip.fps }, options));
}

function frameCount({ frames, fps }: ClipLength, options: ClipOptions): number {
  if (options.fps !== undefined && options.nframes !== undefined) {
    throw refusal("nframes", "expected fps or nframes, got both");
  }
  const count =
    options.nframes === undefined
      ? countByRate({ frames, fps }, options)
      : PAIR * roundHalfEven(Math.min(options.nframes, MAX_FRAMES) / PAIR);
  if (count < PAIR || count > frames) {
    // Only a maximum below a pair gets here without `nframes`.
    const param = options.nframes === undefined ? "max_frames" : "nframes";
    throw refusal(param, `expected ${PAIR} to ${frames} frames of this clip, got ${count}`);
  }
  return count;
}

/** Whether qwen-vl-utils takes fewer frames than the asked rate would, for there is a maximum. */
export function qwenVlUtilsThins(clip: ClipLength, options: ClipOptions): boolean {
  const { start, end } = frameRange(clip, options);
  const frames = end - start + 1;
  const wanted = Math.min((frames / clip.fps) * (options.fps ?? DEFAULT_FPS), frames);
  return options.nframes === undefined && PAIR * Math.floor(wanted / PAIR) > mostFrames(options);
}

/** Even, whatever was asked for. */
function mostFrames(options: ClipOptions): number {
  return PAIR * Math.floor(Math.min(options.max_frames ?? MAX_FRAMES, MAX_FRAMES) / PAIR);
}

function countByRate({ frames, fps }: ClipLength, options: ClipOptions): number {
  const minFrames = PAIR * Math.ceil((options.min_frames ?? DEFAULT_MIN_FRAMES) / PAIR);
  const wanted = (frames / fps) * (options.fps ?? DEFAULT_FPS);
  const count = Math.min(Math.max(wanted, minFrames), mostFrames(options), frames);
  return PAIR * Math.floor(count / PAIR);
}

/** First and last frame between `video_start` and `video_end`, in seconds. */
function frameRange(
  { frames, fps }: ClipLength,
  { video_start: startSeconds, video_end: endSeconds }: ClipOptions,
): { start: number; end: number } {
  const duration = frames / fps;
  const start = startSeconds === undefined ? 0 : Math.ceil(Math.min(startSeconds, duration) * fps);
  const end =
    endSeconds === undefined
      ? frames - 1
      : Math.min(Math.floor(Math.min(endSeconds, duration) * fps), frames - 1);
  if (start >= end && (startSeconds !== undefined || endSeconds !== undefined)) {
    const param = startSeconds === undefined ? "video_end" : "video_start";
    throw refusal(
      param,
      `expected video_start before video_end within the clip's ${duration.toFixed(2)} s, got ${startSeconds ?? 0} to ${endSeconds ?? duration.toFixed(2)}`,
    );
  }
  return { start, end };
}

/** NumPy's `linspace(start, end, count).round()`. */
function linspace64(start: number, end: number, count: number): number[] {
  const step = (end - start) / (count - 1);
  return Array.from({ length: count }, (_, index) =>
    index === count - 1 ? end : roundHalfEven(start + step * index),
  );
}

/**
 * torch's `linspace(start, end, count).round()`: in 32 bits, each half from its own end, product and
 * sum rounded once. From some 10,000 frames on it takes other frames than 64 bits would.
 */
function linspace32(start: number, end: number, count: number): number[] {
  const step = Math.fround((end - start) / (count - 1));
  return Array.from({ length: count }, (_, index) => {
    const value =
      index < Math.floor(count / 2) ? start + step * index : end - step * (count - 1 - index);
    return roundHalfEven(Math.fround(value));
  });
}

function refusal(param: string, message: string): ApiError {
  return new ApiError("invalid_request", message, { param });
}
