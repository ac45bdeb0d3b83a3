import { describe, expect, it } from "vitest";

import { msUntilOut, pour, usedAt } from "./bucket.ts";

const EMPTY = { used: 0, at: 0 };

describe("a bucket", () => {
  it("runs out evenly within a minute", () => {
    const full = pour(EMPTY, 60, 60, 1000);
    expect([1000, 2000, 31_000, 61_000, 99_000].map((now) => usedAt(full, 60, now))).toEqual([
      60, 59, 30, 0, 0,
    ]);
  });

  it("runs out while it is poured into", () => {
    const later = pour(pour(EMPTY, 60, 60, 0), 10, 60, 30_000);
    expect(later).toEqual({ used: 40, at: 30_000 });
  });

  it("gives back what a reservation did not use, but never more than is in it", () => {
    const reserved = pour(EMPTY, 50, 60, 0);
    expect(pour(reserved, -40, 60, 1000).used).toBe(9);
    expect(pour(reserved, -40, 60, 30_000).used).toBe(0);
  });

  it("takes more than its limit where an answer was longer than expected", () => {
    const over = pour(EMPTY, 90, 60, 0);
    expect(usedAt(over, 60, 30_000)).toBe(60);
    expect(msUntilOut(31, 60)).toBe(31_000);
  });

  it("does not run out faster by a clock that goes back", () => {
    const bucket = pour(EMPTY, 60, 60, 10_000);
    expect(usedAt(bucket, 60, 5000)).toBe(60);
    expect(pour(bucket, 0, 60, 5000).at).toBe(10_000);
  });
});
