import { describe, expect, it } from "vitest";

import { largestRun, pairsPerRun, stripTokens } from "./vision-strips.ts";

describe("stripTokens", () => {
  it("leaves a picture of up to 512 tokens in one piece", () => {
    expect([1, 49, 512].map((tokens) => stripTokens(tokens))).toEqual([1, 49, 512]);
  });

  it.each([
    [16_384, 512],
    [127 * 129, 381],
    [127 * 127, 127],
    [61 * 61, 61],
    [1024, 512],
    [7 * 1811, 1811],
    [1021, 1021],
  ])("cuts %i tokens into equal strips of %i", (tokens, strip) => {
    expect(stripTokens(tokens)).toBe(strip);
  });

  it("never strays far from what is wanted, whatever the sides of a picture are", () => {
    for (let h = 1; h <= 128; h++) {
      for (let w = h; w <= Math.min(200 * h, 16_384 / h); w++) {
        const strip = stripTokens(h * w);
        expect((h * w) % strip).toBe(0);
        expect(strip).toBeLessThanOrEqual(2048);
        expect(strip).toBeGreaterThanOrEqual(Math.min(h * w, 32));
      }
    }
  });
});

it("runs as many frame pairs together as come to one strip, and large ones in strips", () => {
  expect([24, 300, 512, 768].map((tokens) => pairsPerRun(tokens))).toEqual([21, 1, 1, 1]);
  expect(largestRun({ t: 100, h: 8, w: 12 }, 2)).toEqual({ patches: 2016, stripPatches: 2016 });
  expect(largestRun({ t: 2, h: 8, w: 12 }, 2)).toEqual({ patches: 192, stripPatches: 192 });
  expect(largestRun({ t: 9, h: 48, w: 64 }, 2)).toEqual({ patches: 3072, stripPatches: 1536 });
  expect(largestRun({ t: 1, h: 256, w: 256 }, 2)).toEqual({ patches: 65_536, stripPatches: 2048 });
});
