import { expect, it } from "vitest";

import { mapConcurrently } from "./map-concurrently.ts";

const delay = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

it("keeps the order and the limit", async () => {
  let running = 0;
  let most = 0;
  const doubled = await mapConcurrently([5, 1, 4, 2, 3], 2, async (value) => {
    running++;
    most = Math.max(most, running);
    await delay(value);
    running--;
    return value * 2;
  });
  expect(doubled).toEqual([10, 2, 8, 4, 6]);
  expect(most).toBe(2);
});

it("aborts the others and starts no more after a failure", async () => {
  const started: number[] = [];
  const aborted: number[] = [];
  const all = mapConcurrently([1, 2, 3], 2, async (value, signal) => {
    started.push(value);
    signal.addEventListener("abort", () => aborted.push(value));
    await delay(value);
    if (value === 1) {
      throw new Error("one failed");
    }
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  });
  await expect(all).rejects.toThrow("one failed");
  expect(started).toEqual([1, 2]);
  expect(aborted).toContain(2);
});
