import { expect, it } from "vitest";

import { SlotPool } from "./slot-pool.ts";

it("lends the lowest free slot", () => {
  const pool = new SlotPool(3);
  expect([pool.acquire(), pool.acquire(), pool.acquire()]).toEqual([0, 1, 2]);
  pool.release(2);
  pool.release(0);
  expect(pool.acquire()).toBe(0);
  expect(pool.freeCount).toBe(1);
});

it("refuses to lend more than it has, and to take back what is free", () => {
  const pool = new SlotPool(1);
  const slot = pool.acquire();
  expect(() => pool.acquire()).toThrow("no KV slot is free");
  pool.release(slot);
  expect(() => pool.release(slot)).toThrow("KV slot 0 is free already");
});
