import { describe, expect, it } from "vitest";

import { FetchProgress } from "./fetch-progress.ts";
import { formatBytes, progressLine, terminalDisplay } from "./progress-display.ts";

const progress = { label: "a/b", doneBytes: 1e9, totalBytes: 4e9, bytesPerSecond: 50e6 };

describe("progressLine", () => {
  it("tells share, size, rate and the time left", () => {
    expect(progressLine(progress, 120)).toBe(
      `a/b ${"█".repeat(6)}${"░".repeat(18)} 25% of 4.0 GB, 50 MB/s, 1:00 left`,
    );
  });

  it("tells hours, and no time before it knows a rate", () => {
    const slow = { ...progress, bytesPerSecond: 500e3 };
    expect(progressLine(slow, 80)).toContain("500 kB/s, 1:40:00 left");
    expect(progressLine({ ...progress, bytesPerSecond: undefined }, 80)).toMatch(/of 4\.0 GB$/);
  });

  it("never wraps: the bar gives way first, then the end", () => {
    const named = { ...progress, label: "Qwen/Qwen3-VL-2B-Instruct" };
    expect(progressLine(named, 79)).toMatch(/^\S+ [█░]{12} 25% .* left$/);
    expect(progressLine(named, 60)).toMatch(/^\S+ [█░]{5} 25% of 4.0 GB/);
    expect(progressLine(named, 60)).toHaveLength(60);
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
      columns: 80,
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
      "\r\u001B[Ka/b | 15% of 100 bytes, 1.0 kB/s, 0:01 left",
      "\r\u001B[Ka/b | 35% of 100 bytes, 150 bytes/s, 0:01 left",
      "\r\u001B[Konce more\na/b | 35% of 100 bytes, 150 bytes/s, 0:01 left",
      "\r\u001B[Ka/b | 35% of 100 bytes, 150 bytes/s, 0:01 left",
      "\n",
    ]);
  });
});
