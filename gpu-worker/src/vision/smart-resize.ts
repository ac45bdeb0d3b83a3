import { ApiError } from "@qwen3-vl/shared/errors";

import { roundHalfEven } from "./round.ts";

/** Width and height in pixels. */
export interface PixelSize {
  width: number;
  height: number;
}

/** Bounds of an area in pixels. */
export interface PixelLimits {
  minPixels: number;
  maxPixels: number;
}

/** Longer side over shorter side; thinner pictures have no sensible grid. */
const MAX_RATIO = 200;

/** The size the checkpoint's own processor (transformers, `smart_resize`) gives a picture. */
export function processorResize(size: PixelSize, limits: PixelLimits, factor: number): PixelSize {
  assertRatio(size);
  const rounded = eachSide(size, (side) => roundHalfEven(side / factor) * factor);
  return intoLimits(size, rounded, limits, factor);
}

/**
 * The size qwen-vl-utils' `smart_resize` gives a picture. It differs from the processor's only for
 * sides below half a factor, which it lifts before it looks at the limits.
 */
export function qwenVlUtilsResize(size: PixelSize, limits: PixelLimits, factor: number): PixelSize {
  assertRatio(size);
  const rounded = eachSide(size, (side) => Math.max(factor, roundHalfEven(side / factor) * factor));
  return intoLimits(size, rounded, limits, factor);
}

/** @throws ApiError `invalid_media` for a side more than 200 times the other */
export function assertRatio({ width, height }: PixelSize): void {
  if (Math.max(width, height) / Math.min(width, height) > MAX_RATIO) {
    throw new ApiError(
      "invalid_media",
      `expected a picture at most ${MAX_RATIO} times as long as it is wide, got ${width} x ${height}`,
    );
  }
}

/** `rounded` when its area is within the limits, else `size` scaled into them. */
function intoLimits(
  size: PixelSize,
  rounded: PixelSize,
  { minPixels, maxPixels }: PixelLimits,
  factor: number,
): PixelSize {
  const area = size.width * size.height;
  if (rounded.width * rounded.height > maxPixels) {
    const shrink = Math.sqrt(area / maxPixels);
    // qwen-vl-utils lets the short side of a thin picture become 0 here.
    return eachSide(size, (side) => Math.max(factor, Math.floor(side / shrink / factor) * factor));
  }
  if (rounded.width * rounded.height < minPixels) {
    const grow = Math.sqrt(minPixels / area);
    return eachSide(size, (side) => Math.ceil((side * grow) / factor) * factor);
  }
  return rounded;
}

function eachSide({ width, height }: PixelSize, change: (side: number) => number): PixelSize {
  return { width: change(width), height: change(height) };
}
