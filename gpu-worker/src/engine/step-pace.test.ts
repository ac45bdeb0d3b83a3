import { describe, expect, it } from "vitest";

import { StepPace } from "./step-pace.ts";

const decoded = (milliseconds: number) => ({ decodedRows: 1, prefillTokens: 0, milliseconds });
const read = (prefillTokens: number, milliseconds: number, decodedRows = 0) => ({
  decodedRows,
  prefillTokens,
  milliseconds,
});

/** Steps until the pace has forgotten what was before. */
function paceAfter(maxStallMs: number, ...steps: readonly Parameters<StepPace["note"]>[0][]) {
  const pace = new StepPace(maxStallMs);
  for (let round = 0; round < 100; round++) {
    for (const step of steps) {
      pace.note(step);
    }
  }
  return pace;
}

describe("StepPace", () => {
  it("begins with the smallest chunk, however long a stall may be", () => {
    expect(new StepPace(1e9).prefillChunk).toBe(16);
  });

  it("gives the largest chunk that is over in time", () => {
    expect(paceAfter(128, read(256, 256)).prefillChunk).toBe(128);
    expect(paceAfter(127, read(256, 256)).prefillChunk).toBe(64);
    expect(paceAfter(1e9, read(256, 256)).prefillChunk).toBe(512);
  });

  it("gives the smallest where none is: prompts must be read", () => {
    expect(paceAfter(10, read(256, 256)).prefillChunk).toBe(16);
    expect(paceAfter(10, decoded(20), read(256, 256)).prefillChunk).toBe(16);
  });

  it("leaves room for the answers that run in the same step", () => {
    expect(paceAfter(200, decoded(100), read(64, 164, 1)).prefillChunk).toBe(64);
    expect(paceAfter(300, decoded(100), read(64, 164, 1)).prefillChunk).toBe(128);
  });

  it("follows at once what slows steps down, and slowly its end", () => {
    const pace = paceAfter(200, decoded(40), read(64, 104, 1));
    expect(pace.prefillChunk).toBe(128);
    pace.note(decoded(80)); // as while a picture is encoded
    pace.note(read(64, 208, 1));
    expect(pace.prefillChunk).toBe(32);
    const chunks = Array.from({ length: 40 }, () => {
      pace.note(decoded(40));
      pace.note(read(32, 72, 1));
      return pace.prefillChunk;
    });
    expect(chunks[0]).toBeLessThan(128);
    expect(chunks.at(-1)).toBe(128);
  });
});
