import { describe, expect, it } from "vitest";

import { MAX_ATTEMPTS, nextAttemptAt, parseRetryAfter } from "./retry-schedule.ts";

const NOW = 1_790_000_000_000;
const failed = (number: number, retryAfterMs?: number) => ({ number, endedAt: NOW, retryAfterMs });

describe("a delivery that failed", () => {
  it("is tried again 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 hours later, then no more", () => {
    const pauses = Array.from({ length: MAX_ATTEMPTS }, (_, index) => {
      const at = nextAttemptAt(failed(index + 1), 0);
      return at === undefined ? undefined : (at - NOW) / 1000;
    });
    expect(pauses).toEqual([5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400, undefined]);
  });

  it("is given up after about three days", () => {
    let at = NOW;
    for (let number = 1; number < MAX_ATTEMPTS; number++) {
      at = nextAttemptAt({ number, endedAt: at, retryAfterMs: undefined }, 0.5) ?? 0;
    }
    expect((at - NOW) / 86_400_000).toBeCloseTo(3.3, 1);
  });

  it("comes up to a tenth of the pause later than that, by chance", () => {
    expect(nextAttemptAt(failed(2), 1)).toBe(NOW + 330_000);
  });

  it.each([
    ["later than the schedule", 60_000, 60_000],
    ["not earlier than the schedule", 1000, 5000],
    ["not later than a day", 365 * 86_400_000, 86_400_000],
  ])("comes when the receiver says, %s", (_, askedMs, pauseMs) => {
    expect(nextAttemptAt(failed(1, askedMs), 0)).toBe(NOW + pauseMs);
  });

  it("that the owner has sent once more after the last attempt is not tried again by itself", () => {
    expect(nextAttemptAt(failed(MAX_ATTEMPTS + 1), 0)).toBeUndefined();
  });
});

describe("Retry-After", () => {
  it.each([
    ["120", 120_000],
    [" 7 ", 7000],
    [new Date(NOW + 90_000).toUTCString(), 90_000],
    [new Date(NOW - 90_000).toUTCString(), 0],
    ["-5", undefined],
    ["1e9", undefined],
    ["99999999999999", undefined],
    ["soon", undefined],
    ["", undefined],
    [null, undefined],
  ])("%j asks for %s ms", (header, milliseconds) => {
    expect(parseRetryAfter(header, NOW)).toBe(milliseconds);
  });
});
