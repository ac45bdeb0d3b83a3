import sharp from "sharp";

import {
  animatedGif,
  animatedPng,
  animatedWebp,
} from "../../../gpu-worker/src/vision/test-pictures.ts";
import { about } from "./bad-input.ts";
import { blank, dataUrl, pngWithProfile } from "./pictures.ts";

/** List B: pictures that look bad and are not: they are answered. */
export async function oddPictures(): Promise<[name: string, body: object][]> {
  const long = await blank(9000, 60).png().toBuffer();
  const pictures: [name: string, bytes: Buffer, options?: object][] = [
    ["1 × 1 pixel", await blank(1, 1).png().toBuffer()],
    ["ratio 150:1", long],
    ["ratio 150:1 in few pixels", long, { max_pixels: 4096 }],
    ["ratio 150:1 in one pixel", long, { max_pixels: 1 }],
    ["ratio 200:1", await blank(12_800, 64).png().toBuffer()],
    ["resized to a million", await blank(64, 64).png().toBuffer(), millionPixels],
    ...(await oddColours()),
    ...(await oddFiles()),
  ];
  return pictures.map(([name, bytes, options]) => [name, about(dataUrl(bytes), options)]);
}

/** What a client sets can lower a limit, never raise one. */
const millionPixels = { resized_height: 1e6, resized_width: 1e6, max_pixels: 1e12 };

async function oddColours(): Promise<[string, Buffer][]> {
  const translucent = sharp({
    create: { width: 64, height: 64, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0.5 } },
  });
  return [
    ["16 bits", await blank(64, 64).toColourspace("rgb16").png().toBuffer()],
    ["grey with alpha", await translucent.clone().toColourspace("b-w").png().toBuffer()],
    ["a palette with alpha", await translucent.clone().png({ palette: true }).toBuffer()],
    ["CMYK", await blank(64, 64).toColourspace("cmyk").jpeg().toBuffer()],
    ["a profile of 50 MB in a few kB", pngWithProfile(50_000_000)],
    ["a profile of 15 MB", await jpegWithProfile()],
  ];
}

async function oddFiles(): Promise<[string, Buffer][]> {
  const jpeg = await blank(64, 64).jpeg().toBuffer();
  return [
    ["a GIF of 100,000 frames", animatedGif()],
    ["a PNG of 100,000 frames", animatedPng()],
    ["a WebP of 100,000 frames", await animatedWebp()],
    ["a JPEG that says it is a PNG", jpeg],
    [
      "a JPEG with a page behind it",
      Buffer.concat([jpeg, Buffer.from("<script>alert(1)</script>")]),
    ],
  ];
}

/** The profile in as many segments as a JPEG may have. */
async function jpegWithProfile(): Promise<Buffer> {
  const jpeg = await blank(64, 64).jpeg().toBuffer();
  const bytes = Buffer.alloc(60_000);
  const segments = Array.from({ length: 255 }, (_, index) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(2 + 14 + bytes.length);
    const name = Buffer.from("ICC_PROFILE\0");
    return Buffer.concat([Buffer.of(255, 226), length, name, Buffer.of(index + 1, 255), bytes]);
  });
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);
}
