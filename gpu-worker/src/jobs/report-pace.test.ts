import { describe, expect, it } from "vitest";

import { REPORT_PACE, nextReportMs, retryDelayMs } from "./report-pace.ts";

const delays = (random: number) =>
  [1, 2, 3, 9, 10, 500].map((failures) => retryDelayMs(failures, REPORT_PACE, random));

describe("retryDelayMs", () => {
  it("doubles from 200 ms to a minute", () => {
    expect(delays(0)).toEqual([200, 400, 800, 51_200, 60_000, 60_000]);
  });

  it("is up to a half shorter by chance", () => {
    expect(delays(1)).toEqual([100, 200, 400, 25_600, 30_000, 30_000]);
  });
});

describe("nextReportMs", () => {
  it("is a second, and after failures more, but never more than the time without news", () => {
    expect([0, 1, 2, 3, 4, 500].map((failures) => nextReportMs(failures, REPORT_PACE))).toEqual([
      1000, 2000, 4000, 8000, 10_000, 10_000,
    ]);
  });
});
