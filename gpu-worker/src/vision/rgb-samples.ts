// oxlint-disable typescript/no-non-null-assertion -- kernels over typed arrays, indexed per sample
import type { RgbImage } from "./resample.ts";
import type { PixelSize } from "./smart-resize.ts";

/** Samples as a file holds them: interleaved, shape [height, width, colour channels (+ alpha)]. */
export interface Samples extends PixelSize {
  data: Uint8Array | Uint16Array;
  colours: "rgb" | "cmyk";
  hasAlpha: boolean;
}

/** Any samples as 8-bit RGB: 16 bits scaled, inks turned into light, transparency laid on white. */
export function toRgb({ data, width, height, colours, hasAlpha }: Samples): RgbImage {
  const bytes = data instanceof Uint16Array ? scaledToBytes(data) : data;
  const inks = colours === "cmyk" ? 4 : 3;
  const channels = hasAlpha ? inks + 1 : inks;
  if (channels === 3) {
    return { data: bytes, width, height };
  }
  const pixels = width * height;
  const rgb = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const from = pixel * channels;
    const alpha = hasAlpha ? bytes[from + inks]! : 255;
    const light = colours === "cmyk" ? 255 - bytes[from + 3]! : 255;
    for (let channel = 0; channel < 3; channel++) {
      const sample = bytes[from + channel]!;
      const colour = colours === "cmyk" ? withInk(light, sample) : sample;
      rgb[pixel * 3 + channel] = onWhite(colour, alpha);
    }
  }
  return { data: rgb, width, height };
}

/** 65,535 becomes 255, halves round up. Pillow would clip to 255 instead, which is a fault. */
function scaledToBytes(data: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) {
    bytes[i] = Math.floor((data[i]! + 128) / 257);
  }
  return bytes;
}

/** Pillow's conversion without colour management: `light` is what black lets through. */
function withInk(light: number, ink: number): number {
  return Math.max(light - dividedBy255(ink * light), 0);
}

/** Pillow's `paste` with a mask. */
function onWhite(colour: number, alpha: number): number {
  return alpha === 255 ? colour : dividedBy255(colour * alpha + 255 * (255 - alpha));
}

/** Rounded division as Pillow does it, exact for products of two bytes. */
function dividedBy255(product: number): number {
  const biased = product + 128;
  return ((biased >> 8) + biased) >> 8;
}
