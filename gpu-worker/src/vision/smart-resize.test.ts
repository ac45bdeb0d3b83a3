import { describe, expect, it } from "vitest";

import { processorResize, qwenVlUtilsResize } from "./smart-resize.ts";

const published = { minPixels: 65_536, maxPixels: 16_777_216 };
const utils = { minPixels: 4096, maxPixels: 16_777_216 };

describe("processorResize", () => {
  // Recorded from transformers 5.23.0.
  it.each<[string, [number, number], [number, number]]>([
    ["rounds sides to multiples", [640, 428], [640, 416]],
    ["rounds a half to the even multiple, down", [400, 400], [384, 384]],
    ["rounds a half to the even multiple, up", [432, 496], [448, 512]],
    ["grows a picture of one pixel", [1, 1], [256, 256]],
    ["grows a picture below the minimum", [320, 214], [320, 224]],
    ["shrinks a picture above the maximum", [10_000, 5000], [5792, 2880]],
    ["takes the thinnest allowed picture", [200, 1], [3648, 32]],
  ])("%s", (_, [width, height], [newWidth, newHeight]) => {
    const resized = processorResize({ width, height }, published, 32);
    expect(resized).toEqual({ width: newWidth, height: newHeight });
  });

  it.each([
    [1, 5000],
    [201, 1],
  ])("refuses %i x %i, thinner than 200 to 1", (width, height) => {
    expect(() => processorResize({ width, height }, published, 32)).toThrow(
      expect.objectContaining({
        code: "invalid_media",
        message: expect.stringContaining(`got ${width} x ${height}`),
      }),
    );
  });
});

describe("qwenVlUtilsResize", () => {
  it("lifts a side below half a factor before it looks at the limits", () => {
    const thin = { width: 2000, height: 10 };
    expect(qwenVlUtilsResize(thin, utils, 32)).toEqual({ width: 1984, height: 32 });
    expect(processorResize(thin, utils, 32)).toEqual({ width: 928, height: 32 });
  });

  it("never gives a side of 0 to a thin picture with a small maximum", () => {
    const limits = { minPixels: 4096, maxPixels: 32_768 };
    for (const width of [100, 150, 200]) {
      const { height } = qwenVlUtilsResize({ width: width * 50, height: 50 }, limits, 32);
      expect(height).toBe(32);
    }
  });
});
