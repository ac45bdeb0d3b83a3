import { describe, expect, it } from "vitest";

import { processorClipSize, qwenVlUtilsClipSize } from "./clip-size.ts";
import { clipSettings } from "./test-clips.ts";

const hd = { width: 1920, height: 1080 };

describe("processorClipSize", () => {
  it("gives short clips at most 768 tokens a frame, and long ones their share of the volume", () => {
    const short = processorClipSize(hd, 8, clipSettings);
    expect(short).toEqual({ width: 1152, height: 640 });
    expect((short.width * short.height) / 32 ** 2).toBeLessThanOrEqual(768);
    const long = processorClipSize(hd, 768, clipSettings);
    expect(long.width * long.height * 768).toBeLessThanOrEqual(clipSettings.maxPixels);
  });

  it("lifts frames that are smaller than a token", () => {
    expect(processorClipSize({ width: 16, height: 8 }, 4, clipSettings)).toEqual({
      width: 64,
      height: 32,
    });
  });

  it("refuses sides more than 200 times each other", () => {
    expect(() => processorClipSize({ width: 8000, height: 32 }, 4, clipSettings)).toThrow("200");
  });
});

describe("qwenVlUtilsClipSize", () => {
  it("keeps frames between 128 and 768 tokens", () => {
    const small = qwenVlUtilsClipSize({ width: 320, height: 240 }, 10, { fps: 2 }, clipSettings);
    expect(small).toEqual({ width: 448, height: 320 });
    const large = qwenVlUtilsClipSize(hd, 10, { fps: 2 }, clipSettings);
    expect((large.width * large.height) / 32 ** 2).toBeLessThanOrEqual(768);
  });

  it("follows options that lower its limits, and none that raise them", () => {
    const low = qwenVlUtilsClipSize(hd, 10, { max_pixels: 65_536 }, clipSettings);
    expect(low.width * low.height).toBeLessThanOrEqual(65_536);
    const plain = qwenVlUtilsClipSize(hd, 10, { fps: 2 }, clipSettings);
    expect(qwenVlUtilsClipSize(hd, 10, { max_pixels: 1e9 }, clipSettings)).toEqual(plain);
    expect(qwenVlUtilsClipSize(hd, 10, { total_pixels: 1e12 }, clipSettings)).toEqual(plain);
    const forced = { resized_height: 9600, resized_width: 9600 };
    const bounded = qwenVlUtilsClipSize(hd, 10, forced, clipSettings);
    expect((bounded.width * bounded.height) / 32 ** 2).toBeLessThanOrEqual(768);
  });

  it("refuses min_pixels above max_pixels", () => {
    const options = { min_pixels: 200_000, max_pixels: 100_000 };
    expect(() => qwenVlUtilsClipSize(hd, 10, options, clipSettings)).toThrow(
      expect.objectContaining({ param: "min_pixels" }),
    );
  });
});
