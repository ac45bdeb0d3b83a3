import { describe, expect, it } from "vitest";

import type { VisionBlock } from "./prompt-media.ts";
import { expandPlaceholders } from "./vision-placeholders.ts";

const placeholders = { image: 9, video: 8 };

function block(kind: VisionBlock["kind"], tokens: number): VisionBlock {
  return { kind, tokens, grid: { t: 1, h: 2, w: 2 * tokens } };
}

describe("expandPlaceholders", () => {
  it("repeats each placeholder as often as its block has tokens", () => {
    const blocks = [block("image", 3), block("video", 1), block("video", 2)];
    expect([...expandPlaceholders([1, 9, 8, 2, 8], placeholders, blocks)]).toEqual([
      1, 9, 9, 9, 8, 2, 8, 8,
    ]);
  });

  it("refuses another number of blocks than of placeholders, or another order", () => {
    expect(() => expandPlaceholders([1, 9], placeholders, [])).toThrow("1 placeholders for 0");
    const swapped = [block("video", 1), block("image", 1)];
    expect(() => expandPlaceholders([9, 8], placeholders, swapped)).toThrow("in another order");
  });
});
