import { createHash } from "node:crypto";

import { describe, expect, it } from "vitest";

import { resample } from "./resample.ts";

/** Bytes that jump about, the same in Python: `(i * i * 31 + i * 7) >> 3 & 255`. */
function noise(width: number, height: number) {
  const data = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => Math.floor((i * i * 31 + i * 7) / 8) % 256,
  );
  return { data, width, height };
}

describe("resample", () => {
  // SHA-256, first 16 digits, of `Image.resize(size, BICUBIC)` of Pillow 12.3.0 on the same bytes.
  it.each<[[number, number], [number, number], string]>([
    [[7, 5], [7, 5], "0607256f8b68436a"],
    [[64, 48], [32, 32], "00cf107331d027ef"],
    [[33, 17], [96, 64], "05d3d667b2a8a2f2"],
    [[300, 9], [32, 64], "3cdcc34cbe1cbd96"],
    [[5, 211], [64, 32], "776bfd4584ae051c"],
    [[97, 64], [32, 64], "d0a391ebcd3c46a1"],
    [[1, 1], [32, 32], "4f627c8100cd36bb"],
    [[1600, 2400], [1600, 1024], "d2913a4c29145986"], // more than a strip
    [[6000, 900], [64, 960], "892b55adf0f47ee3"],
  ])("equals Pillow's bicubic from %j to %j", ([width, height], [newWidth, newHeight], sha) => {
    const resized = resample(noise(width, height), { width: newWidth, height: newHeight });

    expect(resized).toMatchObject({ width: newWidth, height: newHeight });
    expect(createHash("sha256").update(resized.data).digest("hex").slice(0, 16)).toBe(sha);
  });

  it("keeps a flat colour flat and clips overshoot at edges", () => {
    const flat = { data: new Uint8Array(30 * 20 * 3).fill(201), width: 30, height: 20 };
    expect(new Set(resample(flat, { width: 64, height: 32 }).data)).toEqual(new Set([201]));

    const edge = Uint8Array.from({ length: 16 * 3 }, (_, i) => (i < 24 ? 0 : 255));
    const { data } = resample({ data: edge, width: 16, height: 1 }, { width: 64, height: 1 });
    expect([Math.min(...data), Math.max(...data)]).toEqual([0, 255]);
  });
});
