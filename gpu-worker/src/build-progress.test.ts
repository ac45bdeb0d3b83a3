import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { buildProgress } from "./build-progress.ts";
import { Logger } from "./log.ts";

const MEGABYTE = 1e6;

let written: string[];
beforeEach(() => {
  written = [];
  vi.useFakeTimers();
  vi.spyOn(process.stderr, "write").mockImplementation((line) => written.push(String(line)) > 0);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const write = (text: string) => written.push(text) > 0;

function progressOn(isTTY: boolean) {
  return buildProgress(new Logger("info"), { isTTY, write });
}

describe("buildProgress", () => {
  it("draws one line over itself on a terminal, and ends it", () => {
    const show = progressOn(true);
    vi.advanceTimersByTime(2000);
    show(50 * MEGABYTE, 200 * MEGABYTE);
    show(50 * MEGABYTE, 200 * MEGABYTE);
    show(200 * MEGABYTE, 200 * MEGABYTE);
    expect(written).toEqual([
      expect.stringMatching(/^\rPreparing weights █{8}░{22} {2}25 % {2}50 of 200 MB$/),
      expect.stringMatching(/^\rPreparing weights █{30} 100 % {2}200 of 200 MB\n$/),
    ]);
  });

  it("logs each tenth once where no terminal watches", () => {
    const show = progressOn(false);
    vi.advanceTimersByTime(2000);
    for (const done of [1, 11, 12, 19, 45, 100]) {
      show(done, 100);
    }
    const percents = written.map((line) => /"percent":(\d+)/.exec(line)?.[1]);
    expect(percents).toEqual(["10", "40", "100"]);
  });

  it("says nothing of what is done within a second", () => {
    const show = progressOn(true);
    show(200, 200);
    expect(written).toEqual([]);
  });
});
