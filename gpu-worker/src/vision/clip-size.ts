import type { ClipOptions } from "@qwen3-vl/shared/content-part";
import { ApiError } from "@qwen3-vl/shared/errors";

import { roundHalfEven } from "./round.ts";
import { assertRatio, qwenVlUtilsResize } from "./smart-resize.ts";
import type { PixelSize } from "./smart-resize.ts";
import { DEFAULT_MIN_TOKENS } from "./target-size.ts";
import type { ClipSettings } from "./video-processor-config.ts";

/** Of one frame, in tokens: qwen-vl-utils' VIDEO_MIN_TOKEN_NUM and VIDEO_MAX_TOKEN_NUM. */
const MIN_FRAME_TOKENS = 128;
export const MAX_FRAME_TOKENS = 768;

/** Of a whole clip, in tokens: nine tenths of a context of 128,000. */
const MAX_CLIP_TOKENS = 128_000 * 0.9;

/** A maximum is kept this far above the minimum. */
const HEADROOM = 1.05;

/**
 * The size that the checkpoint's processor gives each of `frames` frames: limits are volumes over all
 * frames, with its per-frame cap (`cap_pixels_per_frame`) on.
 */
export function processorClipSize(
  size: PixelSize,
  frames: number,
  settings: ClipSettings,
): PixelSize {
  const factor = settings.patchSize * settings.mergeSize;
  const frameCap = settings.maxFrameTokens * factor ** 2;
  const perFrame = Math.max(
    Math.min(frameCap, Math.floor(settings.maxPixels / frames)),
    Math.trunc(settings.frameFloorPixels * HEADROOM),
  );
  const maxVolume = perFrame * frames;
  return resizeVolume(liftSmallSides(size, factor), frames, {
    factor,
    pairFrames: settings.temporalPatchSize,
    minVolume: Math.min(settings.minPixels, maxVolume),
    maxVolume,
  });
}

interface VolumeRules {
  factor: number;
  pairFrames: number;
  minVolume: number;
  maxVolume: number;
}

function resizeVolume(
  { width, height }: PixelSize,
  frames: number,
  { factor, pairFrames, minVolume, maxVolume }: VolumeRules,
): PixelSize {
  assertRatio({ width, height });
  const eachSide = (change: (side: number) => number): PixelSize => ({
    width: change(width),
    height: change(height),
  });
  const rounded = eachSide((side) => roundHalfEven(side / factor) * factor);
  const volume = roundHalfEven(frames / pairFrames) * pairFrames * rounded.width * rounded.height;
  if (volume > maxVolume) {
    const shrink = Math.sqrt((frames * height * width) / maxVolume);
    return eachSide((side) => Math.max(factor, Math.floor(side / shrink / factor) * factor));
  }
  if (volume < minVolume) {
    const grow = Math.sqrt(minVolume / (frames * height * width));
    return eachSide((side) => Math.ceil((side * grow) / factor) * factor);
  }
  return rounded;
}

function liftSmallSides({ width, height }: PixelSize, factor: number): PixelSize {
  const scale = Math.max(1, factor / height, factor / width);
  return scale === 1
    ? { width, height }
    : { width: Math.trunc(width * scale), height: Math.trunc(height * scale) };
}

/**
 * The size that qwen-vl-utils gives each of `frames` frames of a part with options. Options lower its
 * limits and never raise them; a maximum below the minimum lowers that (the reference stops there).
 */
export function qwenVlUtilsClipSize(
  size: PixelSize,
  frames: number,
  options: ClipOptions,
  settings: ClipSettings,
): PixelSize {
  const factor = settings.patchSize * settings.mergeSize;
  const {
    min_pixels: askedMin,
    max_pixels: askedMax,
    resized_height: height,
    resized_width: width,
  } = options;
  if (askedMin !== undefined && askedMax !== undefined && askedMin > askedMax) {
    const message = `expected min_pixels to be at most max_pixels, got ${askedMin} and ${askedMax}`;
    throw new ApiError("invalid_request", message, { param: "min_pixels" });
  }
  const total = Math.min(options.total_pixels ?? Infinity, MAX_CLIP_TOKENS * factor ** 2);
  const frameCap = MAX_FRAME_TOKENS * factor ** 2;
  const minPixels = Math.min(askedMin ?? MIN_FRAME_TOKENS * factor ** 2, frameCap);
  const ceiling = Math.max(
    Math.min(frameCap, (total / frames) * settings.temporalPatchSize),
    Math.trunc(minPixels * HEADROOM),
  );
  const maxPixels = Math.min(askedMax ?? ceiling, ceiling);
  const limits = { minPixels: Math.min(minPixels, maxPixels), maxPixels };
  if (height !== undefined && width !== undefined) {
    // The least of a picture, as the reference has it here.
    const least = Math.min(DEFAULT_MIN_TOKENS * factor ** 2, ceiling);
    return qwenVlUtilsResize({ height, width }, { minPixels: least, maxPixels: ceiling }, factor);
  }
  return qwenVlUtilsResize(size, limits, factor);
}
