import { deflateSync } from "node:zlib";

import sharp from "sharp";
import { describe, expect, it } from "vitest";

import { decodeImage } from "./decode-image.ts";
import { readImageHeader } from "./image-header.ts";
import type { RgbImage } from "./resample.ts";
import {
  animatedGif,
  animatedPng,
  animatedWebp,
  chunk,
  FLOAT,
  FRAMES,
  GREY_ALPHA,
  halves,
  PALETTE,
  png,
  RGB,
  tiff,
  UNSIGNED,
} from "./test-pictures.ts";

async function decode(bytes: Uint8Array): Promise<RgbImage> {
  return decodeImage(bytes, await readImageHeader(bytes));
}

/** The pixels of a decoded picture, as lists of three. */
async function pixels(bytes: Uint8Array): Promise<number[][]> {
  const { data } = await decode(bytes);
  return Array.from({ length: data.length / 3 }, (_, i) => [...data.subarray(i * 3, i * 3 + 3)]);
}

describe("decodeImage", () => {
  it.each(["jpeg", "png", "webp", "gif", "avif", "tiff"] as const)("decodes %s", async (format) => {
    const image = await decode(await halves(64, 32).toFormat(format, { quality: 100 }).toBuffer());
    expect(image).toMatchObject({ width: 64, height: 32 });
    expect(image.data[0]).toBeLessThan(8);
    expect(image.data.at(-1)).toBeGreaterThan(247);
  });

  it("turns a picture upright as its EXIF orientation says", async () => {
    const bytes = await halves(16, 8).withMetadata({ orientation: 6 }).png().toBuffer();
    const image = await decode(bytes);
    expect(image).toMatchObject({ width: 8, height: 16 });
    expect([image.data[0], image.data[21], image.data.at(-1)]).toEqual([0, 0, 255]);
  });

  it("scales 16 bits to 8", async () => {
    const rows = Uint8Array.of(0, 0x12, 0x34, 0x80, 0x00, 0xff, 0xff);
    const bytes = png({ width: 1, height: 1, bitDepth: 16, colourType: RGB, rows });
    expect(await pixels(bytes)).toEqual([[18, 128, 255]]);
  });

  it("lays grey with alpha on white", async () => {
    const rows = Uint8Array.of(0, 10, 0, 10, 255, 10, 128);
    const bytes = png({ width: 3, height: 1, bitDepth: 8, colourType: GREY_ALPHA, rows });
    expect(await pixels(bytes)).toEqual([
      [255, 255, 255],
      [10, 10, 10],
      [132, 132, 132],
    ]);
  });

  it("lays a palette with alpha on white", async () => {
    const bytes = png({
      width: 2,
      height: 1,
      bitDepth: 8,
      colourType: PALETTE,
      rows: Uint8Array.of(0, 0, 1),
      before: [chunk("PLTE", Buffer.from([1, 2, 3, 4, 5, 6])), chunk("tRNS", Buffer.of(0, 255))],
    });
    expect(await pixels(bytes)).toEqual([
      [255, 255, 255],
      [4, 5, 6],
    ]);
  });

  it("decodes the first of 100,000 GIF frames", async () => {
    expect(await pixels(animatedGif())).toEqual([[255, 0, 0]]);
  });

  it("decodes the first of 100,000 PNG frames", async () => {
    expect(await pixels(animatedPng())).toEqual([[255, 0, 0]]);
  });

  it("decodes the first of 100,000 WebP frames", async () => {
    expect(await pixels(await animatedWebp())).toEqual([[255, 0, 0]]);
  });

  it("decodes the first of 100,000 TIFF pages", async () => {
    const bytes = tiff({ pages: FRAMES, bitsPerSample: 8, sampleFormat: UNSIGNED });
    expect(await pixels(bytes)).toEqual([[77, 77, 77]]);
  });

  it("ignores a colour profile, even one that unpacks to 50 MB", async () => {
    const profile = Buffer.concat([Buffer.from("icc\0\0"), deflateSync(Buffer.alloc(50_000_000))]);
    const bytes = png({
      width: 1,
      height: 1,
      bitDepth: 8,
      colourType: RGB,
      rows: Uint8Array.of(0, 7, 8, 9),
      before: [chunk("iCCP", profile)],
    });
    expect(await pixels(bytes)).toEqual([[7, 8, 9]]);
  });

  it("does not manage colours: a wide-gamut profile changes no byte", async () => {
    const rows = Uint8Array.of(0, 200, 50, 10);
    const plain = png({ width: 1, height: 1, bitDepth: 8, colourType: RGB, rows });
    const wide = await sharp(plain).keepIccProfile().withIccProfile("p3").png().toBuffer();
    expect((await sharp(wide).metadata()).hasProfile).toBe(true);
    expect(await pixels(wide)).toEqual([
      [...(await sharp(wide, { ignoreIcc: true }).raw().toBuffer())],
    ]);
  });

  it("reads a picture with a web page behind it as that picture", async () => {
    const bytes = await halves(16, 16).png().toBuffer();
    const polyglot = Buffer.concat([bytes, Buffer.from("<script>alert(1)</script>")]);
    expect(await decode(polyglot)).toEqual(await decode(bytes));
  });

  it.each(["jpeg", "png", "webp", "gif", "avif", "tiff"] as const)(
    "refuses a %s cut off in the middle, in its own words",
    async (format) => {
      const noise = { type: "gaussian", mean: 128, sigma: 60 } as const;
      const whole = await sharp({
        create: { width: 200, height: 200, channels: 3, background: "red", noise },
      })
        .toFormat(format)
        .toBuffer();
      await expect(decode(whole.subarray(0, whole.length / 2))).rejects.toMatchObject({
        code: "invalid_media",
        message: expect.stringMatching(/^expected a whole \w+, got a damaged or cut-off one$/),
      });
    },
  );
});

describe("readImageHeader", () => {
  it("refuses a small file of very many pixels before it decodes one", async () => {
    const bomb = png({
      width: 20_000,
      height: 20_000,
      bitDepth: 1,
      colourType: 0,
      rows: new Uint8Array(20_000 * 2501),
    });
    expect(bomb.length).toBeLessThan(60_000);
    await expect(readImageHeader(bomb)).rejects.toMatchObject({
      code: "media_too_large",
      message: "expected a picture of at most 100000000 pixels, got 20000 x 20000",
    });
  });

  it("refuses a picture whose 16-bit samples would take too much memory", async () => {
    const bytes = png({
      width: 9000,
      height: 9000,
      bitDepth: 16,
      colourType: RGB,
      rows: new Uint8Array(1),
    });
    await expect(readImageHeader(bytes)).rejects.toMatchObject({
      code: "media_too_large",
      message: expect.stringContaining("400000000 bytes when decoded, got 486000000"),
    });
  });

  it("refuses a file above the limit of bytes without looking into it", async () => {
    await expect(readImageHeader(new Uint8Array(20 * 2 ** 20 + 1))).rejects.toMatchObject({
      code: "media_too_large",
      message: "expected a picture of at most 20971520 bytes, got 20971521",
    });
  });

  it("refuses 0 bytes and an SVG", async () => {
    await expect(readImageHeader(new Uint8Array(0))).rejects.toThrow("got 0 bytes");
    await expect(readImageHeader(Buffer.from("<svg/>"))).rejects.toThrow("got an SVG");
  });

  it("refuses samples that are not 8 or 16 bits", async () => {
    const bytes = tiff({ pages: 1, bitsPerSample: 32, sampleFormat: FLOAT });
    await expect(readImageHeader(bytes)).rejects.toMatchObject({
      code: "invalid_media",
      message: "expected a picture of 8 or 16 bits a sample, got a TIFF of type float",
    });
  });
});
