import { ApiError } from "@qwen3-vl/shared/errors";
import { MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS } from "@qwen3-vl/shared/limits";
import sharp from "sharp";

import { readBmpHeader } from "./bmp.ts";
import { firstFrame } from "./first-frame.ts";
import { imageFormat } from "./image-format.ts";
import type { ImageFormat } from "./image-format.ts";
import type { PixelSize } from "./smart-resize.ts";

/** What the first bytes of a picture promise; its size is the upright one, EXIF orientation applied. */
export interface ImageHeader extends PixelSize {
  format: ImageFormat;
  colours: "rgb" | "cmyk";
  hasAlpha: boolean;
  bitsPerSample: 8 | 16;
}

/** Bytes of samples while decoding: 300 MB of RGB, 400 with alpha or inks, half the pixels at 16 bits. */
const MAX_DECODED_BYTES = 4 * MAX_IMAGE_PIXELS;

/** Reads a picture's header and refuses what would cost too much, before any pixel is decoded. */
export async function readImageHeader(bytes: Uint8Array): Promise<ImageHeader> {
  if (bytes.length > MAX_IMAGE_BYTES) {
    throw new ApiError(
      "media_too_large",
      `expected a picture of at most ${MAX_IMAGE_BYTES} bytes, got ${bytes.length}`,
    );
  }
  const format = imageFormat(bytes);
  const header = format === "BMP" ? bmpImageHeader(bytes) : await sharpImageHeader(bytes, format);
  assertAffordable(header);
  return header;
}

function bmpImageHeader(bytes: Uint8Array): ImageHeader {
  const { width, height, hasAlpha } = readBmpHeader(bytes);
  return { format: "BMP", width, height, colours: "rgb", hasAlpha, bitsPerSample: 8 };
}

async function sharpImageHeader(bytes: Uint8Array, format: ImageFormat): Promise<ImageHeader> {
  const metadata = await sharp(firstFrame(bytes, format), { limitInputPixels: false })
    .metadata()
    .catch((cause: unknown) => {
      throw damagedImage(format, cause);
    });
  const { autoOrient, space, hasAlpha, depth } = metadata;
  if (depth !== "uchar" && depth !== "ushort") {
    throw new ApiError(
      "invalid_media",
      `expected a picture of 8 or 16 bits a sample, got a ${format} of type ${depth}`,
    );
  }
  return {
    format,
    width: autoOrient.width,
    height: autoOrient.height,
    colours: space === "cmyk" ? "cmyk" : "rgb",
    hasAlpha,
    bitsPerSample: depth === "ushort" ? 16 : 8,
  };
}

function assertAffordable({ width, height, colours, hasAlpha, bitsPerSample }: ImageHeader): void {
  const pixels = width * height;
  if (pixels > MAX_IMAGE_PIXELS) {
    throw new ApiError(
      "media_too_large",
      `expected a picture of at most ${MAX_IMAGE_PIXELS} pixels, got ${width} x ${height}`,
    );
  }
  const channels = (colours === "cmyk" ? 4 : 3) + (hasAlpha ? 1 : 0);
  const decodedBytes = pixels * channels * (bitsPerSample / 8);
  if (decodedBytes > MAX_DECODED_BYTES) {
    throw new ApiError(
      "media_too_large",
      `expected a picture of at most ${MAX_DECODED_BYTES} bytes when decoded, got ${decodedBytes}: ` +
        `${width} x ${height} with ${channels} samples of ${bitsPerSample} bits`,
    );
  }
}

/** A decoder's complaint without its words, which may name addresses and paths. */
export function damagedImage(format: ImageFormat, cause?: unknown): ApiError {
  return new ApiError("invalid_media", `expected a whole ${format}, got a damaged or cut-off one`, {
    cause,
  });
}
