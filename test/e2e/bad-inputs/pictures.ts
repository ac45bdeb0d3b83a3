import { deflateSync } from "node:zlib";

import sharp from "sharp";

import { IMAGE_URL_PARAM, about } from "./bad-input.ts";
import type { BadInput } from "./bad-input.ts";

const PART = "messages.0.content.0";

const dataUrl = (bytes: Buffer, type = "image/png") =>
  `data:${type};base64,${bytes.toString("base64")}`;

const refused = (name: string, bytes: Buffer, says: RegExp, param = IMAGE_URL_PARAM): BadInput => ({
  name,
  body: about(dataUrl(bytes)),
  param,
  says,
});

const blank = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "white" } });

/** A PNG of one colour: however many pixels, it is small. */
function bombPng(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([1, 0], 8); // one bit a pixel, grey
  const rows = Buffer.alloc((1 + Math.ceil(width / 8)) * height);
  return Buffer.concat([
    Buffer.from("\u0089PNG\r\n\u001a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows)),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, crc]);
}

function crc32(bytes: Buffer): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
  }
  return ~crc >>> 0;
}

/** List B: pictures and their `data:` URLs. */
export async function badPictures(): Promise<BadInput[]> {
  const good = await blank(64, 64).png().toBuffer();
  const jpeg = await sharp({
    create: {
      width: 256,
      height: 256,
      channels: 3,
      background: "red",
      noise: { type: "gaussian", mean: 128, sigma: 40 },
    },
  })
    .jpeg()
    .toBuffer();
  const base64 = good.toString("base64");
  return [
    refused("a picture of ratio 201:1", await blank(20_100, 100).png().toBuffer(), /201/, PART),
    {
      ...refused("a PNG of 20000 × 20000 pixels", bombPng(20_000, 20_000), /pixels/, PART),
      status: 413,
    },
    refused("no bytes", Buffer.alloc(0), /empty|no bytes/),
    refused(
      "a truncated JPEG",
      jpeg.subarray(0, jpeg.length / 2),
      /damaged|decode|truncated/i,
      PART,
    ),
    refused("a PNG's first bytes alone", good.subarray(0, 24), /whole PNG/, PART),
    refused(
      "an SVG",
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
      /Expected a picture/,
    ),
    refused("a page", Buffer.from("<!doctype html><p>hello"), /Expected a picture/),
    refused("a PDF", Buffer.from("%PDF-1.7\n"), /Expected a picture/),
    ...[
      [
        "spaces in base64",
        `data:image/png;base64,${base64.slice(0, 8)} ${base64.slice(8)}`,
        /white space/,
      ],
      ["a line break in base64", `data:image/png;base64,${base64}\n`, /white space/],
      ["wrong padding", `data:image/png;base64,${base64}=`, /padding/],
      ["no comma", "data:image/png;base64", /comma/],
      ["no ;base64", `data:image/png,${base64}`, /;base64/],
    ].map(([name, url, says]) => ({
      name: `a data: URL with ${String(name)}`,
      body: about(url),
      param: IMAGE_URL_PARAM,
      says: says instanceof RegExp ? says : /./,
    })),
    {
      name: "min_pixels above max_pixels",
      body: about(dataUrl(good), { min_pixels: 90_000, max_pixels: 10_000 }),
      param: `${PART}.min_pixels`,
      says: /90000/,
    },
    {
      name: "max_pixels of 0",
      body: about(dataUrl(good), { max_pixels: 0 }),
      param: `${PART}.max_pixels`,
      says: /max_pixels/,
    },
    {
      name: "min_pixels that is no number",
      body: about(dataUrl(good), { min_pixels: "many" }),
      param: `${PART}.min_pixels`,
      says: /min_pixels/,
    },
    { name: "no URL", body: about(null), param: IMAGE_URL_PARAM, says: /url/ },
  ];
}

/** Pictures that look bad and are not: they are answered. */
export async function oddPictures(): Promise<[name: string, body: object][]> {
  const animated = await sharp(
    await Promise.all(
      ["red", "blue"].map((color) =>
        sharp({ create: { width: 64, height: 64, channels: 3, background: color } })
          .png()
          .toBuffer(),
      ),
    ),
    { join: { animated: true } },
  )
    .gif()
    .toBuffer();
  const pictures: [string, Buffer][] = [
    ["1 × 1 pixel", await blank(1, 1).png().toBuffer()],
    ["ratio 150:1", await blank(9000, 60).png().toBuffer()],
    ["16 bits", await blank(64, 64).toColourspace("rgb16").png().toBuffer()],
    [
      "grey with alpha",
      await sharp(await blank(64, 64).png().toBuffer())
        .ensureAlpha(0.5)
        .toColourspace("b-w")
        .png()
        .toBuffer(),
    ],
    ["CMYK", await blank(64, 64).toColourspace("cmyk").jpeg().toBuffer()],
    ["animated", animated],
    ["another type than it says", await blank(64, 64).webp().toBuffer()],
  ];
  return [
    ...pictures.map(([name, bytes]): [string, object] => [
      name,
      about(dataUrl(bytes, "image/jpeg")),
    ]),
    [
      "ratio 150:1 in few pixels",
      about(dataUrl(await blank(9000, 60).png().toBuffer()), { max_pixels: 4096 }),
    ],
  ];
}
