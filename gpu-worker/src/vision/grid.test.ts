import { expect, it } from "vitest";

import { gridOf, tokensOf } from "./grid.ts";

it("counts patches, and a token for each merge window", () => {
  const grid = gridOf({ height: 416, width: 640 }, 16);
  expect(grid).toEqual({ t: 1, h: 26, w: 40 });
  expect(tokensOf(grid, 2)).toBe(260);
});
