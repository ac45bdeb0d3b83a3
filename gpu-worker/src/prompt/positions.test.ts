import { describe, expect, it } from "vitest";

import { mropePositions } from "./positions.ts";

const layout = { imageToken: 9, mergeSize: 2 };

describe("mropePositions", () => {
  it("counts on in all three for text", () => {
    const { positions, ropeDelta } = mropePositions(Int32Array.of(5, 6), [], layout);
    expect([...positions]).toEqual([0, 1, 0, 1, 0, 1]);
    expect(ropeDelta).toBe(0);
  });

  it("spreads a picture over rows and columns and goes on behind its larger side", () => {
    const tokenIds = Int32Array.of(5, 9, 9, 9, 9, 9, 9, 6);
    const { positions, ropeDelta } = mropePositions(tokenIds, [{ t: 1, h: 4, w: 6 }], layout);
    expect([...positions.subarray(0, 8)]).toEqual([0, 1, 1, 1, 1, 1, 1, 4]);
    expect([...positions.subarray(8, 16)]).toEqual([0, 1, 1, 1, 2, 2, 2, 4]);
    expect([...positions.subarray(16)]).toEqual([0, 1, 2, 3, 1, 2, 3, 4]);
    expect(ropeDelta).toBe(5 - 8);
  });

  it("refuses tokens that do not fit the grids", () => {
    const grid = { t: 1, h: 2, w: 4 };
    expect(() => mropePositions(Int32Array.of(9, 5), [grid], layout)).toThrow("token 1");
    expect(() => mropePositions(Int32Array.of(9, 9), [], layout)).toThrow("picture 1");
    expect(() => mropePositions(Int32Array.of(5), [grid], layout)).toThrow("0 of 1 pictures");
    expect(() => mropePositions(Int32Array.of(9), [{ ...grid, h: 3 }], layout)).toThrow("3 × 4");
  });
});
