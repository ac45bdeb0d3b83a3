import { describe, expect, it } from "vitest";

import { normalise, toBytePatches, toPatches } from "./patches.ts";
import type { VisionSettings } from "./preprocessor-config.ts";

const settings: VisionSettings = {
  patchSize: 1,
  temporalPatchSize: 2,
  mergeSize: 2,
  minPixels: 1,
  maxPixels: 100,
  mean: [0, 0, 0],
  std: [1, 1, 1],
  rescale: 1,
};

/** Pixel i of the clip is [i, 100 + i, 200 + i]. */
function clip(frames: number, height: number, width: number) {
  const data = Uint8Array.from(
    { length: frames * height * width * 3 },
    (_, i) => (i % 3) * 100 + Math.floor(i / 3),
  );
  return { data, frames, height, width };
}

describe("toPatches", () => {
  it("orders a row by channel, then frame, and rows by merge window", () => {
    const patches = toPatches(clip(2, 2, 4), settings);
    const rows = Array.from({ length: 8 }, (_, row) => [...patches.subarray(row * 6, row * 6 + 6)]);
    expect(rows.map(([pixel]) => pixel)).toEqual([0, 1, 4, 5, 2, 3, 6, 7]);
    expect(rows[2]).toEqual([4, 12, 104, 112, 204, 212]);
  });

  it("makes a picture its own second frame", () => {
    const patches = toPatches(clip(1, 2, 2), settings);
    expect([...patches.subarray(0, 6)]).toEqual([0, 0, 100, 100, 200, 200]);
  });

  it("repeats the last frame of an odd clip", () => {
    const patches = toPatches(clip(3, 2, 2), settings);
    expect(patches).toHaveLength(4 * 2 * 2 * 3);
    expect([...patches.subarray(24, 30)]).toEqual([8, 8, 108, 108, 208, 208]);
  });

  it("gives the same by way of bytes", () => {
    const own = { ...settings, mean: [0.1, 0.2, 0.3], std: [1, 2, 3] } as const;
    const video = clip(3, 2, 4);
    const expected = toPatches(video, own);
    const patches = new Float32Array(expected.length);
    normalise(toBytePatches(video, own), own, patches);
    expect(patches).toEqual(expected);
  });

  it("lays out the pixels of a patch by rows", () => {
    const patches = toPatches(clip(1, 4, 4), { ...settings, patchSize: 2, temporalPatchSize: 1 });
    expect([...patches.subarray(0, 4)]).toEqual([0, 1, 4, 5]);
    expect([...patches.subarray(12, 16)]).toEqual([2, 3, 6, 7]);
  });

  it("normalises each channel with its own mean and deviation", () => {
    const patches = toPatches(
      { data: Uint8Array.from([255, 0, 51]), frames: 1, height: 1, width: 1 },
      {
        ...settings,
        mergeSize: 1,
        temporalPatchSize: 1,
        mean: [0.5, 0.5, 0.1],
        std: [0.5, 0.25, 0.1],
        rescale: 1 / 255,
      },
    );
    expect([...patches]).toEqual([1, -2, Math.fround((51 / 255 - 0.1) / 0.1)]);
  });

  it("refuses sides that do not fill merge windows", () => {
    expect(() => toPatches(clip(1, 3, 4), settings)).toThrow("height 3 is not a multiple of 2");
  });
});
