import { describe, expect, it } from "vitest";

import { interpolatePositions, visionRotaryTable } from "./vision-positions.ts";

describe("visionRotaryTable", () => {
  it("turns the first pairs by the row and the second by the column, window by window", () => {
    const { cos, sin, rows, pairs } = visionRotaryTable({ h: 2, w: 4 }, 2, 4);
    expect([rows, pairs]).toEqual([8, 4]);
    const angles = Array.from({ length: rows }, (_, row) => [
      Math.atan2(sin[row * pairs] ?? 0, cos[row * pairs] ?? 0),
      Math.atan2(sin[row * pairs + 2] ?? 0, cos[row * pairs + 2] ?? 0),
    ]);
    const cells = angles.map((pair) => pair.map((angle) => Number(angle.toFixed(5))));
    expect(cells).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
      [0, 2],
      [0, 3],
      [1, 2],
      [1, 3],
    ]);
  });

  it("turns the last pair of each half more slowly", () => {
    const { sin } = visionRotaryTable({ h: 2, w: 2 }, 2, 4);
    expect(sin[2 * 4]).toBeCloseTo(Math.sin(1), 6);
    expect(sin[2 * 4 + 1]).toBeCloseTo(Math.sin(0.01), 6);
  });
});

describe("interpolatePositions", () => {
  it("takes the table's own entries for a grid of its size", () => {
    const { indices, weights } = interpolatePositions({ h: 4, w: 4 }, 2, 4);
    const strongest = Array.from({ length: 16 }, (_, patch) => {
      const corner = weights.subarray(4 * patch, 4 * patch + 4).indexOf(1);
      return indices[4 * patch + corner];
    });
    expect(strongest).toEqual([0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15]);
  });

  it("lays the grid's corners on the table's corners, and weighs what lies between", () => {
    const { indices, weights } = interpolatePositions({ h: 2, w: 4 }, 2, 3);
    const columns = [0, 1, 4, 5].map((patch) => {
      const [left, right] = indices.subarray(4 * patch);
      const [leftWeight = NaN, rightWeight = NaN] = weights.subarray(4 * patch);
      return [left, leftWeight.toFixed(4), right, rightWeight.toFixed(4)];
    });
    expect(columns).toEqual([
      [0, "1.0000", 1, "0.0000"],
      [0, "0.3333", 1, "0.6667"],
      [1, "0.6667", 2, "0.3333"],
      [2, "1.0000", 2, "0.0000"],
    ]);
  });

  it.each([
    [2, 2, 48],
    [2, 200, 48],
    [46, 94, 48],
    [2, 2, 1],
  ])("weighs the corners of each of %i × %i patches to one, inside a table of %i", (h, w, side) => {
    const { indices, weights } = interpolatePositions({ h, w }, 2, side);
    for (let patch = 0; patch < h * w; patch++) {
      const corners = weights.subarray(4 * patch, 4 * patch + 4);
      expect(corners.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 5);
    }
    expect(indices.every((index) => index >= 0 && index < side ** 2)).toBe(true);
  });
});
