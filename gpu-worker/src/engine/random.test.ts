import { describe, expect, it } from "vitest";

import { seededRandom, unseededRandom } from "./random.ts";

const first = (seed: number) => Array.from({ length: 4 }, seededRandom(seed));

describe("seededRandom", () => {
  it("gives the same sequence for the same seed and others for other seeds", () => {
    const seeds = [0, 1, -1, 2 ** 32, 2 ** 32 + 1, -(2 ** 32), Number.MAX_SAFE_INTEGER];
    for (const seed of seeds) {
      expect(first(seed)).toEqual(first(seed));
    }
    expect(new Set(seeds.map((seed) => first(seed)[0])).size).toBe(seeds.length);
  });

  it("is uniform over [0, 1)", () => {
    const random = seededRandom(7);
    const bins = Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) {
      const bin = Math.floor(random() * 10);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    for (const count of bins) {
      expect(Math.abs(count - 10_000)).toBeLessThan(400); // 4 standard deviations
    }
  });
});

describe("unseededRandom", () => {
  it("differs each time", () => {
    expect(unseededRandom()()).not.toBe(unseededRandom()());
  });

  it("has streams of one seed that have nothing in common", () => {
    const streams = [0, 1, 2].map((stream) => {
      const random = seededRandom(7, stream);
      return Array.from({ length: 100 }, random);
    });
    expect(new Set(streams.flat()).size).toBe(300);
  });
});
