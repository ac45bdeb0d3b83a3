import sharp from "sharp";
import { describe, expect, it } from "vitest";

import { firstFrame } from "./first-frame.ts";
import { tiff, UNSIGNED } from "./test-pictures.ts";

/** Two frames of 4 × 4, red and green. */
function animation(): Promise<Buffer> {
  const red = Array.from({ length: 16 }, () => [255, 0, 0]).flat();
  const green = Array.from({ length: 16 }, () => [0, 255, 0]).flat();
  const raw = { width: 4, height: 8, channels: 3, pageHeight: 4 } as const;
  return sharp(Uint8Array.from([...red, ...green]), { raw })
    .webp({ lossless: true })
    .toBuffer();
}

describe("firstFrame", () => {
  it("keeps the first WebP frame and drops the others", async () => {
    const bytes = await animation();
    expect((await sharp(bytes).metadata()).pages).toBe(2);

    const { data, info } = await sharp(firstFrame(bytes, "WebP"), { pages: -1 })
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 4, height: 4 });
    expect([...data.subarray(0, 3)]).toEqual([255, 0, 0]);
  });

  it("gives a still WebP back as it is", async () => {
    const still = await sharp(await animation())
      .webp()
      .toBuffer();
    expect(firstFrame(still, "WebP")).toBe(still);
  });

  it("does not run beyond a file whose chunk lies about its length", () => {
    const lying = Buffer.from("RIFF\0\0\0\0WEBPANMF\xff\xff\xff\xff", "latin1");
    expect(firstFrame(lying, "WebP")).toBe(lying);
  });

  it("ends a TIFF after its first page", async () => {
    const bytes = tiff({ pages: 3, bitsPerSample: 8, sampleFormat: UNSIGNED });
    expect((await sharp(bytes).metadata()).pages).toBe(3);
    expect((await sharp(firstFrame(bytes, "TIFF")).metadata()).pages).toBe(1);
  });

  it("gives a TIFF of one page, or of a false directory, back as it is", () => {
    const one = tiff({ pages: 1, bitsPerSample: 8, sampleFormat: UNSIGNED });
    expect(firstFrame(one, "TIFF")).toBe(one);
    const astray = Buffer.from("II*\0\xff\xff\xff\xff", "latin1");
    expect(firstFrame(astray, "TIFF")).toBe(astray);
  });
});
