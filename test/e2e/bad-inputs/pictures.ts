import { deflateSync } from "node:zlib";

import sharp from "sharp";

import { PALETTE, RGB, chunk, png } from "../../../gpu-worker/src/vision/test-pictures.ts";
import { IMAGE_URL_PARAM, about } from "./bad-input.ts";
import type { BadInput } from "./bad-input.ts";

const PART = "messages.0.content.0";

export const dataUrl = (bytes: Buffer, type = "image/png") =>
  `data:${type};base64,${bytes.toString("base64")}`;

const refused = (name: string, bytes: Buffer, says: RegExp, param = IMAGE_URL_PARAM): BadInput => ({
  name,
  body: about(dataUrl(bytes)),
  param,
  says,
});

export const blank = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: "white" } });

/** A PNG of one colour: however many pixels, it is small. */
function bomb(width: number, height: number): Buffer {
  const rows = Buffer.alloc((1 + Math.ceil(width / 8)) * height);
  return png({ width, height, bitDepth: 1, colourType: 0, rows });
}

/** List B: pictures and their `data:` URLs. */
export async function badPictures(): Promise<BadInput[]> {
  const good = await blank(64, 64).png().toBuffer();
  return [
    ...(await badShapes()),
    ...(await damagedFiles()),
    ...badHeaders(),
    ...(await noPictures()),
    ...badUrls(good.toString("base64")),
    ...badOptions(dataUrl(good)),
  ];
}

async function badShapes(): Promise<BadInput[]> {
  const ratio = /at most 200 times as long/;
  return [
    refused("a picture of 1 × 5000", await blank(1, 5000).png().toBuffer(), ratio, PART),
    refused("a picture of ratio 201:1", await blank(20_100, 100).png().toBuffer(), /201/, PART),
    {
      ...refused("a PNG of 20000 × 20000", bomb(20_000, 20_000), /at most 100000000 pixels/, PART),
      status: 413,
    },
  ];
}

/** The first bytes of each format. */
async function damagedFiles(): Promise<BadInput[]> {
  const noise = { type: "gaussian", mean: 128, sigma: 40 } as const;
  const picture = sharp({
    create: { width: 256, height: 256, channels: 3, background: "red", noise },
  });
  const whole: [format: string, file: Buffer][] = [
    ["JPEG", await picture.clone().jpeg().toBuffer()],
    ["PNG", await picture.clone().png().toBuffer()],
    ["WebP", await picture.clone().webp().toBuffer()],
    ["GIF", await picture.clone().gif().toBuffer()],
    ["AVIF", await picture.clone().avif().toBuffer()],
    ["TIFF", await picture.clone().tiff().toBuffer()],
  ];
  return whole.flatMap(([format, file]) => {
    const says = new RegExp(`whole ${format}`);
    return [
      refused(`half a ${format}`, file.subarray(0, file.length / 2), says, PART),
      refused(`a ${format}'s first 24 bytes`, file.subarray(0, 24), says, PART),
    ];
  });
}

function badHeaders(): BadInput[] {
  const rows = Buffer.alloc(65 * 64);
  const square = { width: 64, height: 64, bitDepth: 8 };
  const whole = /whole PNG/;
  return [
    refused("a PNG of 0 × 0", png({ ...square, width: 0, colourType: RGB, rows }), whole, PART),
    refused(
      "a PNG 2³¹ − 1 wide",
      png({ ...square, width: 2 ** 31 - 1, colourType: RGB, rows }),
      whole,
      PART,
    ),
    refused(
      "a palette without colours",
      png({ ...square, colourType: PALETTE, rows }),
      whole,
      PART,
    ),
    refused("a PNG with too few rows", png({ ...square, colourType: RGB, rows }), whole, PART),
    refused(
      "a BMP of bytes 255",
      Buffer.concat([Buffer.from("BM"), Buffer.alloc(60, 255)]),
      /BMP/,
      PART,
    ),
  ];
}

async function noPictures(): Promise<BadInput[]> {
  const jpeg = await blank(64, 64).jpeg().toBuffer();
  const svg = '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>';
  const heic = "\0\0\0\u0018ftypheic\0\0\0\0mif1heic";
  const expected = /Expected a picture/;
  return [
    refused("no bytes", Buffer.alloc(0), /got no bytes/),
    refused("an SVG", Buffer.from(svg), expected),
    refused("an SVG after a declaration", Buffer.from(`<?xml version="1.0"?>${svg}`), expected),
    refused("a page", Buffer.from("<!doctype html><p>hello"), expected),
    refused(
      "a page that goes on as a JPEG",
      Buffer.concat([Buffer.from("<html>"), jpeg]),
      expected,
    ),
    refused("a PDF", Buffer.from("%PDF-1.7\n"), expected),
    refused("an archive", Buffer.from("PK\u0003\u0004"), expected),
    refused(
      "a HEIC",
      Buffer.concat([Buffer.from(heic, "latin1"), Buffer.alloc(200)]),
      /HEIC, which this server cannot decode/,
      PART,
    ),
  ];
}

function badUrls(base64: string): BadInput[] {
  const urls: [name: string, url: string | null, says: RegExp][] = [
    ["spaces", `data:image/png;base64,${base64.slice(0, 8)} ${base64.slice(8)}`, /white space/],
    ["a line break", `data:image/png;base64,${base64}\n`, /white space/],
    ["the alphabet of URLs", `data:image/png;base64,${base64}_-A=`, /alphabet/],
    ["too much padding", `data:image/png;base64,${base64}=`, /padding/],
    ["padding inside", "data:image/png;base64,iVBO=Rw0", /padding/],
    ["a character missing", `data:image/png;base64,${base64.slice(1)}`, /padding/],
    ["no comma", "data:image/png;base64", /comma/],
    ["nothing", "data:", /comma/],
    ["no ;base64", `data:image/png,${base64}`, /;base64/],
    ["no data", "data:;base64,", /got no bytes/],
    ["no URL at all", null, /url/],
    ["an empty URL", "", /url/],
  ];
  return urls.map(([name, url, says]) => ({
    name: `a data: URL with ${name}`,
    body: about(url),
    param: IMAGE_URL_PARAM,
    says,
  }));
}

function badOptions(url: string): BadInput[] {
  const options: [name: string, options: object, says: RegExp][] = [
    ["min_pixels", { min_pixels: 90_000, max_pixels: 10_000 }, /90000/],
    ["min_pixels", { min_pixels: "many" }, /min_pixels/],
    ["max_pixels", { max_pixels: 0 }, /max_pixels/],
    ["max_pixels", { max_pixels: 1.5 }, /max_pixels/],
    ["resized_height", { resized_height: -28, resized_width: 28 }, /resized_height/],
    ["pixels", { pixels: 100 }, /unknown field/],
  ];
  return options.map(([name, values, says]) => ({
    name: `the options ${JSON.stringify(values)}`,
    body: about(url, values),
    param: `${PART}.${name}`,
    says,
  }));
}

/** A PNG that holds so many bytes of a colour profile, packed small. */
export function pngWithProfile(bytes: number): Buffer {
  const profile = Buffer.concat([Buffer.from("p\0\0"), deflateSync(Buffer.alloc(bytes))]);
  const rows = Buffer.alloc((1 + 64 * 3) * 64, 255).map((_, i) => (i % 193 === 0 ? 0 : 255));
  return png({
    width: 64,
    height: 64,
    bitDepth: 8,
    colourType: RGB,
    rows,
    before: [chunk("iCCP", profile)],
  });
}
