import { expect, it } from "vitest";

import { expOfNegative } from "./exp-of-negative.ts";
import { seededRandom } from "./random.ts";

it("equals Math.exp to thirteen digits, and is 0 where nothing is left", () => {
  const random = seededRandom(1);
  for (let round = 0; round < 10_000; round++) {
    const x = random() * 10 ** (3 * random() - 1);
    expect(Math.abs(expOfNegative(x) / Math.exp(-x) - 1)).toBeLessThan(1e-13);
  }
  expect([0, 708, 1e300, Infinity].map(expOfNegative)).toEqual([1, 0, 0, 0]);
});
