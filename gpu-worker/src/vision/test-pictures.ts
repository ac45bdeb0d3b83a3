import { crc32, deflateSync } from "node:zlib";

import sharp from "sharp";
import type { Sharp } from "sharp";

/** Colour types of PNG. */
export const GREY_ALPHA = 4;
export const PALETTE = 3;
export const RGB = 2;

interface Png {
  width: number;
  height: number;
  bitDepth: number;
  colourType: number;
  /** Raw rows, each after its filter byte. */
  rows: Uint8Array;
  /** Chunks between header and pixels, and after them. */
  before?: Buffer[];
  after?: Buffer[];
}

export function png({
  width,
  height,
  bitDepth,
  colourType,
  rows,
  before = [],
  after = [],
}: Png): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bitDepth, colourType], 8);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    ...before,
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    ...after,
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

export function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  return Buffer.concat([uint32(data.length), body, uint32(crc32(body))]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A lossless picture of `width` × `height`, left half black, right half white. */
export function halves(width: number, height: number): Sharp {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) =>
    Math.floor(i / 3) % width < width / 2 ? 0 : 255,
  );
  return sharp(data, { raw: { width, height, channels: 3 } });
}

export const FRAMES = 100_000;

/** A GIF whose first frame is red and whose 99,999 others are green. */
export function animatedGif(): Buffer {
  const header = Buffer.from("GIF89a\x01\0\x01\0\x80\0\0\xff\0\0\0\xff\0", "latin1");
  const others = Buffer.alloc(15 * (FRAMES - 1), gifFrame("\x4c"));
  return Buffer.concat([header, gifFrame("\x44"), others, Buffer.from(";")]);
}

function gifFrame(lzw: string): Buffer {
  return Buffer.from(`\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02${lzw}\x01\0`, "latin1");
}

/** An animated PNG whose default picture is red, with 99,999 frames after it. */
export function animatedPng(): Buffer {
  const control = Buffer.alloc(26);
  control.writeUInt32BE(1, 4);
  control.writeUInt32BE(1, 8);
  const green = Buffer.concat([Buffer.alloc(4), deflateSync(Uint8Array.of(0, 0, 255, 0))]);
  const frame = Buffer.concat([chunk("fcTL", control), chunk("fdAT", green)]);
  return png({
    width: 1,
    height: 1,
    bitDepth: 8,
    colourType: RGB,
    rows: Uint8Array.of(0, 255, 0, 0),
    before: [chunk("acTL", Buffer.concat([uint32(FRAMES), uint32(0)]))],
    after: [Buffer.alloc(frame.length * (FRAMES - 1), frame)],
  });
}

/** An animated WebP of 100,000 frames, all red. */
export async function animatedWebp(): Promise<Buffer> {
  const red = { r: 255, g: 0, b: 0 };
  const still = await sharp({ create: { width: 1, height: 1, channels: 3, background: red } })
    .webp({ lossless: true })
    .toBuffer();
  const frame = riff("ANMF", Buffer.concat([Buffer.alloc(16), still.subarray(12)]));
  const body = Buffer.concat([
    Buffer.from("WEBP"),
    riff("VP8X", Buffer.from("\x02\0\0\0\0\0\0\0\0\0", "latin1")),
    riff("ANIM", Buffer.alloc(6)),
    Buffer.alloc(frame.length * FRAMES, frame),
  ]);
  return riff("RIFF", body);
}

function riff(type: string, data: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(data.length);
  return Buffer.concat([Buffer.from(type), length, data, Buffer.alloc(data.length % 2)]);
}

export const UNSIGNED = 1;
export const FLOAT = 3;

/** A TIFF of grey pages of one pixel, all of the same bytes. */
export function tiff(page: { pages: number; bitsPerSample: number; sampleFormat: number }): Buffer {
  const { pages, bitsPerSample, sampleFormat } = page;
  const fields: [tag: number, value: number][] = [
    [256, 1], // width
    [257, 1], // height
    [258, bitsPerSample],
    [259, 1], // no compression
    [262, 1], // black is zero
    [273, 8], // where the pixel is
    [277, 1], // samples per pixel
    [278, 1], // rows per strip
    [279, bitsPerSample / 8],
    [339, sampleFormat],
  ];
  const size = 2 + fields.length * 12 + 4;
  const start = 12;
  const bytes = Buffer.alloc(start + size * pages);
  bytes.write("II*\0", "latin1");
  bytes.writeUInt32LE(start, 4);
  bytes.fill(77, 8, 12);
  for (let index = 0; index < pages; index++) {
    const at = start + index * size;
    bytes.writeUInt16LE(fields.length, at);
    for (const [i, [tag, value]] of fields.entries()) {
      bytes.writeUInt16LE(tag, at + 2 + i * 12);
      bytes.writeUInt16LE(4, at + 4 + i * 12);
      bytes.writeUInt32LE(1, at + 6 + i * 12);
      bytes.writeUInt32LE(value, at + 10 + i * 12);
    }
    bytes.writeUInt32LE(index + 1 < pages ? at + size : 0, at + size - 4);
  }
  return bytes;
}
