import type { PixelOptions } from "@qwen3-vl/shared/content-part";
import { ApiError } from "@qwen3-vl/shared/errors";

import type { VisionSettings } from "./preprocessor-config.ts";
import { processorResize, qwenVlUtilsResize } from "./smart-resize.ts";
import type { PixelLimits, PixelSize } from "./smart-resize.ts";

/** qwen-vl-utils' limits where a part names none, in tokens of one picture. */
export const DEFAULT_MIN_TOKENS = 4;
export const DEFAULT_MAX_TOKENS = 16_384;

/**
 * The size in pixels a picture is resized to; both sides are multiples of patch · merge.
 *
 * A part without options follows the checkpoint's processor, one with any follows qwen-vl-utils,
 * but never gets more pixels than the checkpoint allows: a client lowers limits, never raises them.
 */
export function targetSize(
  source: PixelSize,
  options: PixelOptions,
  settings: VisionSettings,
): PixelSize {
  const factor = settings.patchSize * settings.mergeSize;
  const { min_pixels, max_pixels, resized_height: height, resized_width: width } = options;
  if ([min_pixels, max_pixels, height, width].every((value) => value === undefined)) {
    return processorResize(source, settings, factor);
  }
  // As in qwen-vl-utils: one side alone means nothing, both sides make the pixel limits void.
  return height !== undefined && width !== undefined
    ? qwenVlUtilsResize({ height, width }, partLimits({}, settings), factor)
    : qwenVlUtilsResize(source, partLimits(options, settings), factor);
}

function partLimits(
  { min_pixels: askedMin, max_pixels: askedMax }: PixelOptions,
  settings: VisionSettings,
): PixelLimits {
  if (askedMin !== undefined && askedMax !== undefined && askedMin > askedMax) {
    throw new ApiError(
      "invalid_request",
      `expected min_pixels to be at most max_pixels, got ${askedMin} and ${askedMax}`,
      { param: "min_pixels" },
    );
  }
  const tokenPixels = (settings.patchSize * settings.mergeSize) ** 2;
  const ceiling = Math.min(DEFAULT_MAX_TOKENS * tokenPixels, settings.maxPixels);
  const maxPixels = Math.min(askedMax ?? ceiling, ceiling);
  // A maximum below the minimum lowers it, as media.md has it for clips; the reference stops there.
  const minPixels = Math.min(askedMin ?? DEFAULT_MIN_TOKENS * tokenPixels, maxPixels);
  return { minPixels, maxPixels };
}
