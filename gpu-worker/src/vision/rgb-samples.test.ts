import { describe, expect, it } from "vitest";

import { toRgb } from "./rgb-samples.ts";

const onePixel = { width: 1, height: 1 };

describe("toRgb", () => {
  it("passes opaque 8-bit RGB through untouched", () => {
    const data = Uint8Array.from([1, 2, 3]);
    expect(toRgb({ ...onePixel, data, colours: "rgb", hasAlpha: false }).data).toBe(data);
  });

  it("lays transparent pixels on white, as Pillow's paste rounds", () => {
    const data = Uint8Array.from([10, 100, 200, 0, 10, 100, 200, 77, 10, 100, 200, 255]);
    const image = toRgb({ width: 3, height: 1, data, colours: "rgb", hasAlpha: true });
    expect([...image.data]).toEqual([255, 255, 255, 181, 208, 238, 10, 100, 200]);
  });

  it("scales 16 bits to 8 with rounding instead of clipping", () => {
    const data = Uint16Array.from([0, 128, 129, 0x8000, 65_407, 65_535]);
    const image = toRgb({ width: 2, height: 1, data, colours: "rgb", hasAlpha: false });
    expect([...image.data]).toEqual([0, 0, 1, 128, 255, 255]);
  });

  it("turns inks into light without colour management, as Pillow does", () => {
    const data = Uint8Array.from([0, 0, 0, 0, 255, 0, 128, 0, 20, 40, 60, 80, 9, 9, 9, 255]);
    const image = toRgb({ width: 4, height: 1, data, colours: "cmyk", hasAlpha: false });
    expect([...image.data]).toEqual([255, 255, 255, 0, 255, 127, 161, 148, 134, 0, 0, 0]);
  });
});
