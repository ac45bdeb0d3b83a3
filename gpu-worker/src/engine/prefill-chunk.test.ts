import { describe, expect, it } from "vitest";

import { chunkWithin } from "./prefill-chunk.ts";

const measured = [
  { tokens: 32, milliseconds: 40 },
  { tokens: 64, milliseconds: 70 },
  { tokens: 128, milliseconds: 130 },
];

describe("chunkWithin", () => {
  it("is the largest chunk that is over in time", () => {
    expect(chunkWithin(130, measured)).toBe(128);
    expect(chunkWithin(129, measured)).toBe(64);
  });

  it("is the smallest where none is: prompts must be read", () => {
    expect(chunkWithin(10, measured)).toBe(32);
    expect(chunkWithin(10, [])).toBe(32);
  });
});
