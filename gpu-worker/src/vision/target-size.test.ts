import { describe, expect, it } from "vitest";

import type { VisionSettings } from "./preprocessor-config.ts";
import { targetSize } from "./target-size.ts";

const settings: VisionSettings = {
  patchSize: 16,
  temporalPatchSize: 2,
  mergeSize: 2,
  minPixels: 65_536,
  maxPixels: 16_777_216,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  rescale: 1 / 255,
};
const small = { width: 100, height: 64 };
const large = { width: 8000, height: 4000 };

describe("targetSize", () => {
  it("follows the checkpoint's limits without options", () => {
    expect(targetSize(small, {}, settings)).toEqual({ width: 320, height: 224 });
    const undefinedOptions = { min_pixels: undefined, max_pixels: undefined };
    expect(targetSize(small, undefinedOptions, settings)).toEqual({ width: 320, height: 224 });
    const wholePart = { min_pixels: undefined, type: "image_url", image_url: { url: "data:," } };
    expect(targetSize(small, wholePart, settings)).toEqual({ width: 320, height: 224 });
  });

  it("follows qwen-vl-utils' limits, where one is missing, with an option", () => {
    expect(targetSize(small, { max_pixels: 1_000_000 }, settings)).toEqual({
      width: 96,
      height: 64,
    });
    expect(targetSize(large, { max_pixels: 1_000_000 }, settings)).toEqual({
      width: 1408,
      height: 704,
    });
    expect(targetSize(small, { min_pixels: 20_000 }, settings)).toEqual({
      width: 192,
      height: 128,
    });
  });

  it("takes both resized sides as the picture's own and ignores the pixel limits then", () => {
    const options = { resized_height: 300, resized_width: 500, max_pixels: 4096 };
    expect(targetSize(large, options, settings)).toEqual({ width: 512, height: 288 });
  });

  it("ignores one resized side alone", () => {
    expect(targetSize(small, { resized_height: 300 }, settings)).toEqual({ width: 96, height: 64 });
  });

  it("never lets a client raise the checkpoint's maximum", () => {
    const modest = { ...settings, minPixels: 9216, maxPixels: 50_176 };
    for (const options of [
      { max_pixels: 10 ** 9 },
      { min_pixels: 10 ** 9 },
      { resized_height: 8000, resized_width: 8000 },
    ]) {
      const { width, height } = targetSize({ width: 4000, height: 4000 }, options, modest);
      expect(width * height).toBeLessThanOrEqual(50_176);
    }
    const raised = targetSize({ ...large, width: 9000 }, { max_pixels: 10 ** 9 }, settings);
    expect(raised.width * raised.height).toBeLessThanOrEqual(16_777_216);
  });

  it("lowers the minimum to a maximum below it", () => {
    expect(targetSize(large, { max_pixels: 1 }, settings)).toEqual({ width: 32, height: 32 });
  });

  it("refuses limits of one part that contradict each other", () => {
    expect(() => targetSize(small, { min_pixels: 9000, max_pixels: 8000 }, settings)).toThrow(
      expect.objectContaining({
        code: "invalid_request",
        param: "min_pixels",
        message: "expected min_pixels to be at most max_pixels, got 9000 and 8000",
      }),
    );
  });
});
