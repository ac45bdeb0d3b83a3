import { describe, expect, it } from "vitest";

import { expandPlaceholders } from "./vision-placeholders.ts";

describe("expandPlaceholders", () => {
  it("repeats each placeholder as often as its picture has tokens", () => {
    expect([...expandPlaceholders([1, 9, 2, 9], 9, [3, 1])]).toEqual([1, 9, 9, 9, 2, 9]);
  });

  it("refuses another number of pictures than of placeholders", () => {
    expect(() => expandPlaceholders([1, 9], 9, [])).toThrow("1 placeholders for 0 pictures");
  });
});
