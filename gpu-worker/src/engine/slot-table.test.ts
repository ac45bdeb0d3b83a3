import { describe, expect, it } from "vitest";

import { SlotTable } from "./slot-table.ts";

const keys = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index);
const mine = (...parts: number[][]) => contentOf("me", parts.flat());

function contentOf(tenant: string, promptKeys: number[]) {
  return { tenant, keys: promptKeys, promptTokens: promptKeys.length };
}

describe("SlotTable", () => {
  it("lends every slot once, the one used longest ago first", () => {
    const table = new SlotTable(2, 100);
    expect(table.lease(mine(keys(4)), 10)).toMatchObject({ slot: 0, cachedTokens: 0 });
    expect(table.lease(mine(keys(4, 50)), 10)).toMatchObject({ slot: 1 });
    expect(table.lease(mine(keys(4)), 10)).toBeUndefined();
    table.release(1);
    table.release(0);
    expect(table.lease(mine(keys(4, 90)), 10)).toMatchObject({ slot: 1 });
  });

  it("lends nothing that running sequences leave no memory for", () => {
    const table = new SlotTable(4, 100);
    table.lease(mine(keys(4)), 60);
    expect(table.lease(mine(keys(4)), 41)).toBeUndefined();
    expect(table.lease(mine(keys(4)), 40)).toBeDefined();
    expect(table.usage).toBe(1);
  });

  it("goes on where a conversation's last turn ended", () => {
    const table = new SlotTable(4, 1000);
    const content = mine(keys(40));
    const first = table.lease(content, 60);
    content.keys.push(...keys(10, 40)); // the answer
    table.update(first?.slot ?? -1, 50);
    table.release(first?.slot ?? -1);
    expect(table.lease(mine(keys(50), keys(20, 500)), 100)).toEqual({
      slot: first?.slot,
      cachedTokens: 50,
      copyFrom: undefined,
      evicted: [],
    });
  });

  it("copies a shared beginning and leaves the longer content where it is", () => {
    const table = new SlotTable(2, 1000);
    table.lease(mine(keys(100)), 100);
    table.update(0, 100);
    table.release(0);
    const other = table.lease(mine(keys(30), keys(9, 500)), 50);
    expect(other).toMatchObject({ slot: 1, cachedTokens: 30, copyFrom: 0 });
    expect(table.lease(mine(keys(100), keys(2, 700)), 120)).toMatchObject({
      slot: 0,
      cachedTokens: 100,
    });
  });

  it("shares what a running sequence has read so far", () => {
    const table = new SlotTable(2, 1000);
    table.lease(mine(keys(100)), 120);
    table.update(0, 64);
    expect(table.lease(mine(keys(100)), 120)).toMatchObject({
      slot: 1,
      cachedTokens: 64,
      copyFrom: 0,
    });
  });

  it("shares nothing with another tenant, and no beginning too short to be worth it", () => {
    const table = new SlotTable(2, 1000);
    table.lease(mine(keys(100)), 100);
    table.update(0, 100);
    table.release(0);
    expect(table.lease(contentOf("you", keys(100)), 100)?.cachedTokens).toBe(0);
    expect(table.lease(mine(keys(15), keys(9, 500)), 50)?.cachedTokens).toBe(0);
  });

  it("gives up the oldest contents when memory is needed, and only as many as needed", () => {
    const table = new SlotTable(4, 100);
    for (const slot of [0, 1, 2]) {
      table.lease(mine(keys(30, slot * 100)), 30);
      table.update(slot, 30);
      table.release(slot);
    }
    expect(table.lease(mine(keys(5, 900)), 35)).toMatchObject({ slot: 3, evicted: [0] });
    expect(table.lease(mine(keys(30, 100), keys(2)), 32)).toMatchObject({
      slot: 1,
      cachedTokens: 30,
    });
  });

  it("goes on in place when there is no memory for a copy beside the original", () => {
    const table = new SlotTable(2, 120);
    table.lease(mine(keys(100)), 100);
    table.update(0, 100);
    table.release(0);
    expect(table.lease(mine(keys(30), keys(9, 500)), 50)).toEqual({
      slot: 0,
      cachedTokens: 30,
      copyFrom: undefined,
      evicted: [],
    });
  });

  it("leaves two tokens of a prompt to run, as a prompt that shares nothing would run them", () => {
    const table = new SlotTable(2, 1000);
    table.lease(mine(keys(100)), 100);
    table.update(0, 100);
    expect(table.lease(mine(keys(100)), 100)?.cachedTokens).toBe(98);
    expect(table.lease(mine(keys(99), keys(1, 700)), 100)).toBeUndefined();
  });

  it("gives a sequence that comes back what it generated, and no other", () => {
    const table = new SlotTable(2, 1000);
    const content = mine(keys(40));
    table.lease(content, 60);
    content.keys.push(...keys(8, 600));
    table.update(0, 48);
    const other = mine(keys(40));
    other.keys.push(...keys(8, 600));
    expect(table.lease(other, 60)).toMatchObject({ slot: 1, cachedTokens: 38 });
    table.release(1);
    table.release(0);
    expect(table.lease(content, 60)).toMatchObject({ slot: 0, cachedTokens: 47 });
  });

  it("lends a running sequence more, for which contents of free slots are given up", () => {
    const table = new SlotTable(3, 100);
    table.lease(mine(keys(40)), 40);
    table.update(0, 40);
    table.release(0);
    table.lease(mine(keys(20, 500)), 20);
    table.lease(mine(keys(20, 700)), 20);
    expect(table.grow(1, 40)).toEqual([]);
    expect(table.grow(1, 60)).toEqual([0]);
    expect(table.freeTokens).toBe(20);
    expect(table.grow(2, 41)).toBeUndefined();
    expect(table.lentTo(2)).toBe(20);
  });

  it("refuses to take back what is free", () => {
    expect(() => new SlotTable(1, 10).release(0)).toThrow("KV slot 0 is free already");
  });
});
