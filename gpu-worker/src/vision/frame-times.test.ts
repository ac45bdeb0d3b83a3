import { expect, it } from "vitest";

import { pairTimes } from "./frame-times.ts";

it("gives each pair its mean time, and an odd last frame its own", () => {
  expect(pairTimes([0, 17, 33, 50, 66], 30)).toEqual(["0.3", "1.4", "2.2"]);
});

it("rounds as Python does: values that lie exactly between go to the even digit", () => {
  expect(pairTimes([0, 1], 2)).toEqual(["0.2"]); // 0.25
  expect(pairTimes([1, 2], 2)).toEqual(["0.8"]); // 0.75
  expect(pairTimes([1, 1], 20)).toEqual(["0.1"]); // 0.05 is a little more in binary
});
