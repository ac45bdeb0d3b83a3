import type { PixelOptions } from "@qwen3-vl/shared/content-part";

import { decodeImage } from "./decode-image.ts";
import { gridOf } from "./grid.ts";
import type { Grid } from "./grid.ts";
import { readImageHeader } from "./image-header.ts";
import { toPatches } from "./patches.ts";
import type { VisionSettings } from "./preprocessor-config.ts";
import { resample } from "./resample.ts";
import type { PixelSize } from "./smart-resize.ts";
import { targetSize } from "./target-size.ts";

/** A picture as the vision encoder takes it; width and height are the upright picture's own, in pixels. */
export interface PreparedImage extends PixelSize {
  /** Shape [t * h * w, 3 * temporalPatch * patch * patch], normalised. */
  patches: Float32Array<ArrayBuffer>;
  grid: Grid;
}

/** Decodes, resizes and cuts a picture; everything runs on the calling thread but the decoding. */
export async function prepareImage(
  bytes: Uint8Array,
  options: PixelOptions,
  settings: VisionSettings,
): Promise<PreparedImage> {
  const header = await readImageHeader(bytes);
  const size = targetSize(header, options, settings);
  const image = resample(await decodeImage(bytes, header), size);
  return {
    patches: toPatches({ ...image, frames: 1 }, settings),
    grid: gridOf(size, settings.patchSize),
    width: header.width,
    height: header.height,
  };
}

/** What is known of a picture before it is decoded; width and height as in `PreparedImage`. */
export interface PlannedImage extends PixelSize {
  grid: Grid;
}

/** The grid `prepareImage` will give, from the header alone; refuses what the header shows as bad. */
export async function planImage(
  bytes: Uint8Array,
  options: PixelOptions,
  settings: VisionSettings,
): Promise<PlannedImage> {
  const { width, height, ...header } = await readImageHeader(bytes);
  const size = targetSize({ width, height, ...header }, options, settings);
  return { width, height, grid: gridOf(size, settings.patchSize) };
}
