import { describe, expect, it } from "vitest";

import { decodedFrames, segmentsOf } from "./frame-index.ts";

function keysEvery(distance: number) {
  const frames = 1000;
  const isKey = Uint8Array.from({ length: frames }, (_, place) => Number(place % distance === 0));
  return { isKey, seekTimes: new Float64Array(frames) };
}

describe("segmentsOf", () => {
  it.each([
    [
      "goes on where seeking saves little",
      50,
      [0, 40, 60],
      [{ from: undefined, places: [0, 40, 60] }],
    ],
    [
      "begins again at the key frame before a place that is far on",
      50,
      [0, 10, 170, 180],
      [
        { from: undefined, places: [0, 10] },
        { from: 150, places: [170, 180] },
      ],
    ],
    ["seeks to the first place", 50, [730], [{ from: 700, places: [730] }]],
    [
      "decodes single frames of clips that have only key frames",
      1,
      [0, 300, 600],
      [
        { from: undefined, places: [0] },
        { from: 300, places: [300] },
        { from: 600, places: [600] },
      ],
    ],
    [
      "decodes from the start where no other key frame is",
      2000,
      [0, 999],
      [{ from: undefined, places: [0, 999] }],
    ],
  ])("%s", (_, distance, places, segments) => {
    expect(segmentsOf(places, keysEvery(distance))).toEqual(segments);
  });

  it("never seeks in a container without a table of key frames", () => {
    const index = { ...keysEvery(1), seekTimes: undefined };
    expect(segmentsOf([500, 900], index)).toEqual([{ from: undefined, places: [500, 900] }]);
  });
});

describe("decodedFrames", () => {
  it("counts wanted frames and those on the way to them", () => {
    expect(decodedFrames(segmentsOf([0, 10, 170, 180], keysEvery(50)))).toBe(11 + 31);
    expect(decodedFrames(segmentsOf([999], keysEvery(2000)))).toBe(1000);
  });
});
