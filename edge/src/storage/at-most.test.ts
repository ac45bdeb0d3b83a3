import { describe, expect, it } from "vitest";

import { atMost } from "./at-most.ts";

describe("atMost", () => {
  it("runs so many at a time, in order of arrival, also after failures", async () => {
    const gate = atMost(2);
    const begun: number[] = [];
    const ends = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
    const runs = ends.map(({ promise }, index) =>
      gate(async () => {
        begun.push(index);
        await promise;
      }),
    );
    await Promise.resolve();
    expect(begun).toEqual([0, 1]);
    ends[1]?.reject(new Error("failed"));
    await expect(runs[1]).rejects.toThrow("failed");
    expect(begun).toEqual([0, 1, 2]);
    for (const { resolve } of ends) {
      resolve();
    }
    await Promise.all([runs[0], runs[2], runs[3]]);
    expect(begun).toEqual([0, 1, 2, 3]);
  });
});
