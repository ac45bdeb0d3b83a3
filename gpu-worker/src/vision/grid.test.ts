import { expect, it } from "vitest";

import { gridOf, tokensOf } from "./grid.ts";

it("counts patches, and a token for each merge window", () => {
  const grid = gridOf({ height: 416, width: 640 }, 16);
  expect(grid).toEqual({ t: 1, h: 26, w: 40 });
  expect(tokensOf(grid, 2)).toBe(260);
});

it("refuses a grid that leaves half a merge window", () => {
  const message = "grid 3 × 4 is not a multiple of the merge size 2";
  expect(() => tokensOf({ t: 1, h: 3, w: 4 }, 2)).toThrow(new RangeError(message));
});
