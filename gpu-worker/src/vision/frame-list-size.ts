import type { ClipOptions } from "@qwen3-vl/shared/content-part";

import { MAX_FRAME_TOKENS } from "./clip-size.ts";
import { qwenVlUtilsResize } from "./smart-resize.ts";
import type { PixelSize } from "./smart-resize.ts";
import { DEFAULT_MAX_TOKENS, DEFAULT_MIN_TOKENS } from "./target-size.ts";
import type { ClipSettings } from "./video-processor-config.ts";

/**
 * The size that qwen-vl-utils first gives each frame of a list with options, as if it were a picture,
 * before it sizes the clip that they make. It takes a token's side for a patch's there, so this size
 * has multiples of two tokens; what is seen of it are slightly other proportions and sharpness.
 */
export function frameListFirstSize(
  size: PixelSize,
  options: ClipOptions,
  settings: ClipSettings,
): PixelSize {
  const token = settings.patchSize * settings.mergeSize;
  const factor = 2 * token;
  const frameCap = MAX_FRAME_TOKENS * token ** 2;
  const { min_pixels: askedMin, max_pixels: askedMax } = options;
  const { resized_height: height, resized_width: width } = options;
  const least = DEFAULT_MIN_TOKENS * factor ** 2;
  if (height !== undefined && width !== undefined) {
    // Rounding makes a thin frame up to twice as large; the clip's own limit comes after.
    return qwenVlUtilsResize(
      { height, width },
      { minPixels: least, maxPixels: 2 * frameCap },
      factor,
    );
  }
  const maxPixels = Math.min(askedMax ?? Infinity, DEFAULT_MAX_TOKENS * factor ** 2);
  const minPixels = Math.min(askedMin ?? least, frameCap, maxPixels);
  return qwenVlUtilsResize(size, { minPixels, maxPixels }, factor);
}
