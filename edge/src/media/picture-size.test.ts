import { describe, expect, it } from "vitest";

import { pictureSize } from "./picture-size.ts";
import type { MediaType } from "./sniff-media.ts";

const be16 = (value: number) => [value >> 8, value & 0xff];
const le16 = (value: number) => be16(value).toReversed();
const be32 = (value: number) => [...be16(value >>> 16), ...be16(value & 0xffff)];
const le32 = (value: number) => be32(value).toReversed();
const ascii = (text: string) => Array.from(text, (char) => char.charCodeAt(0));
const zeros = (length: number) => Array<number>(length).fill(0);

const WIDTH = 640;
const HEIGHT = 360;

const PICTURES: readonly (readonly [string, MediaType, number[]])[] = [
  ["PNG", "image/png", [...zeros(16), ...be32(WIDTH), ...be32(HEIGHT)]],
  ["GIF", "image/gif", [...ascii("GIF89a"), ...le16(WIDTH), ...le16(HEIGHT)]],
  ["BMP from the top", "image/bmp", [...zeros(14), ...le32(40), ...le32(WIDTH), ...le32(-HEIGHT)]],
  ["BMP of OS/2", "image/bmp", [...zeros(14), ...le32(12), ...le16(WIDTH), ...le16(HEIGHT)]],
  [
    "JPEG with a segment and fill bytes before its frame",
    "image/jpeg",
    [0xff, 0xd8, 0xff, 0xe0, ...be16(4), 9, 9, 0xff, 0xff, 0xc2].concat(
      be16(17),
      [8],
      be16(HEIGHT),
      be16(WIDTH),
    ),
  ],
  [
    "lossy WebP",
    "image/webp",
    [...zeros(12), ...ascii("VP8 "), ...zeros(10)].concat(le16(WIDTH), le16(HEIGHT)),
  ],
  [
    "lossless WebP",
    "image/webp",
    [...zeros(12), ...ascii("VP8L"), ...zeros(5), ...le32((WIDTH - 1) | ((HEIGHT - 1) << 14))],
  ],
  [
    "extended WebP",
    "image/webp",
    [...zeros(12), ...ascii("VP8X"), ...zeros(8)].concat(
      le32(WIDTH - 1).slice(0, 3),
      le32(HEIGHT - 1).slice(0, 3),
    ),
  ],
  [
    "TIFF, big-endian",
    "image/tiff",
    [...ascii("MM"), ...be16(42), ...be32(8), ...be16(2)].concat(
      [...be16(256), ...be16(3), ...be32(1), ...be16(WIDTH), 0, 0],
      [...be16(257), ...be16(4), ...be32(1), ...be32(HEIGHT)],
    ),
  ],
  [
    "AVIF with a thumbnail",
    "image/avif",
    [...ascii("....ispe"), ...zeros(4), ...be32(64), ...be32(36)].concat(
      [...ascii("....ispe"), ...zeros(4), ...be32(WIDTH), ...be32(HEIGHT)],
      zeros(4),
    ),
  ],
];

describe("pictureSize", () => {
  it.each(PICTURES)("reads the header of %s", (_, type, bytes) => {
    expect(pictureSize(type, Uint8Array.from(bytes))).toEqual({ width: WIDTH, height: HEIGHT });
  });

  it.each(PICTURES)("finds nothing in a beginning of %s", (_, type, bytes) => {
    expect(pictureSize(type, Uint8Array.from(bytes.slice(0, 9)))).toBeUndefined();
  });
});
