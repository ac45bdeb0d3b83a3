import { describe, expect, it } from "vitest";

import { decodeBmp } from "./bmp.ts";

interface Bmp {
  width: number;
  /** Negative: rows from the top. */
  height: number;
  bits: number;
  compression?: number;
  /** What stands between the header and the pixels: masks or palette. */
  tables?: number[];
  pixels: number[];
}

function bmp({ width, height, bits, compression = 0, tables = [], pixels }: Bmp): Uint8Array {
  const bytes = Buffer.alloc(54 + tables.length + pixels.length);
  bytes.write("BM", "latin1");
  bytes.writeUInt32LE(54 + tables.length, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(bits, 28);
  bytes.writeUInt32LE(compression, 30);
  bytes.set([...tables, ...pixels], 54);
  return bytes;
}

const littleEndian = (...words: number[]) => [...new Uint8Array(Uint32Array.from(words).buffer)];

describe("decodeBmp", () => {
  it("reads rows from the bottom, padded to 4 bytes, blue first", () => {
    const pixels = [3, 2, 1, 0, 6, 5, 4, 0];
    expect(decodeBmp(bmp({ width: 1, height: 2, bits: 24, pixels }))).toEqual({
      data: Uint8Array.from([4, 5, 6, 1, 2, 3]),
      width: 1,
      height: 2,
    });
  });

  it("reads rows from the top when the height is negative", () => {
    const pixels = [3, 2, 1, 0, 6, 5, 4, 0];
    const { data } = decodeBmp(bmp({ width: 1, height: -2, bits: 24, pixels }));
    expect([...data]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("looks palette colours up, several pixels to a byte", () => {
    const tables = [0, 0, 0, 0, 30, 20, 10, 0];
    const pixels = [0b0100_0000, 0, 0, 0];
    const { data } = decodeBmp(bmp({ width: 3, height: 1, bits: 1, tables, pixels }));
    expect([...data]).toEqual([0, 0, 0, 10, 20, 30, 0, 0, 0]);
  });

  it("cuts colours out by masks", () => {
    const tables = littleEndian(0xf800, 0x07e0, 0x001f);
    const pixels = [0xff, 0xff, 0x00, 0xf8];
    const { data } = decodeBmp(
      bmp({ width: 2, height: 1, bits: 16, compression: 3, tables, pixels }),
    );
    expect([...data]).toEqual([255, 255, 255, 255, 0, 0]);
  });

  it.each([
    [
      "cut off in its pixels",
      bmp({ width: 100, height: 100, bits: 24, pixels: [0] }),
      "30054 byte",
    ],
    [
      "cut off in its header",
      bmp({ width: 1, height: 1, bits: 24, pixels: [] }).subarray(0, 20),
      "a whole header",
    ],
    [
      "compressed",
      bmp({ width: 1, height: 1, bits: 8, compression: 1, pixels: [0] }),
      "no compression",
    ],
    ["of 7 bits", bmp({ width: 1, height: 1, bits: 7, pixels: [0] }), "bits a pixel, got 7"],
    [
      "of width 0",
      bmp({ width: 0, height: 1, bits: 24, pixels: [0] }),
      "at least 1 pixel, got 0 x 1",
    ],
  ])("refuses a file %s", (_, bytes, message) => {
    expect(() => decodeBmp(bytes)).toThrow(
      expect.objectContaining({ code: "invalid_media", message: expect.stringContaining(message) }),
    );
  });
});
