import { describe, expect, it } from "vitest";

import { FetchProgress } from "./fetch-progress.ts";
import { formatBytes, progressLine, terminalDisplay } from "./progress-display.ts";

const progress = { label: "a/b", doneBytes: 1e9, totalBytes: 4e9, bytesPerSecond: 50e6 };

describe("progressLine", () => {
  it("tells share, size, rate and the time left", () => {
    expect(progressLine(progress)).toBe(
      `a/b ${"█".repeat(6)}${"░".repeat(18)} 25% of 4.0 GB, 50 MB/s, 1:00 left`,
    );
  });

  it("tells hours, and no time before it knows a rate", () => {
    expect(progressLine({ ...progress, bytesPerSecond: 500e3 })).toContain(
      "500 kB/s, 1:40:00 left",
    );
    expect(progressLine({ ...progress, bytesPerSecond: undefined })).toMatch(/of 4\.0 GB$/);
  });
});

describe("formatBytes", () => {
  it.each([
    [0, "0 bytes"],
    [999, "999 bytes"],
    [1500, "1.5 kB"],
    [471e9, "471 GB"],
    [2e12, "2000 GB"],
  ])("%d is %s", (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe("a fetch on a terminal", () => {
  it("rewrites one line, now and then, and writes notes above it", () => {
    const written: string[] = [];
    let now = 0;
    const display = terminalDisplay({
      columns: 30,
      write: (text) => written.push(String(text)) > 0,
    });
    const fetching = new FetchProgress("a/b", display, () => now);
    fetching.receive(5); // before the size is known
    fetching.expect(100);
    for (now of [10, 20, 200]) {
      fetching.receive(10);
    }
    display.note("once more");
    fetching.end();
    expect(written.map((text) => text.replaceAll(/[█░]+/g, "|"))).toEqual([
      "\r\u001B[Ka/b | ",
      "\r\u001B[Ka/b | ",
      "\r\u001B[Konce more\na/b | ",
      "\r\u001B[Ka/b | ",
      "\n",
    ]);
  });
});
