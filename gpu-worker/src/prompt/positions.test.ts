import { describe, expect, it } from "vitest";

import { mropePositions } from "./positions.ts";
import { visionBlocks } from "./prompt-media.ts";

const layout = { placeholders: { image: 9, video: 8 }, mergeSize: 2 };
const blocksOf = (h: number, w: number) => visionBlocks([{ grid: { t: 1, h, w } }], 2);

describe("mropePositions", () => {
  it("counts on in all three for text", () => {
    const { positions, ropeDelta } = mropePositions(Int32Array.of(5, 6), [], layout);
    expect([...positions]).toEqual([0, 1, 0, 1, 0, 1]);
    expect(ropeDelta).toBe(0);
  });

  it("spreads a picture over rows and columns and goes on behind its larger side", () => {
    const tokenIds = Int32Array.of(5, 9, 9, 9, 9, 9, 9, 6);
    const { positions, ropeDelta } = mropePositions(tokenIds, blocksOf(4, 6), layout);
    expect([...positions.subarray(0, 8)]).toEqual([0, 1, 1, 1, 1, 1, 1, 4]);
    expect([...positions.subarray(8, 16)]).toEqual([0, 1, 1, 1, 2, 2, 2, 4]);
    expect([...positions.subarray(16)]).toEqual([0, 1, 2, 3, 1, 2, 3, 4]);
    expect(ropeDelta).toBe(5 - 8);
  });

  it("gives each frame pair of a clip a time of its own, behind the text before it", () => {
    const blocks = visionBlocks([{ grid: { t: 2, h: 2, w: 4 }, timestamps: ["0.3", "1.3"] }], 2);
    const { positions } = mropePositions(Int32Array.of(5, 8, 8, 6, 8, 8, 7), blocks, layout);
    expect([...positions.subarray(0, 7)]).toEqual([0, 1, 1, 3, 4, 4, 6]);
    expect([...positions.subarray(14)]).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it("refuses tokens that do not fit the blocks", () => {
    expect(() => mropePositions(Int32Array.of(9, 5), blocksOf(2, 4), layout)).toThrow("token 1");
    expect(() => mropePositions(Int32Array.of(9, 9), [], layout)).toThrow("block 1 of 0");
    expect(() => mropePositions(Int32Array.of(5), blocksOf(2, 4), layout)).toThrow("0 of 1 blocks");
    expect(() => blocksOf(3, 4)).toThrow("3 × 4");
  });
});
