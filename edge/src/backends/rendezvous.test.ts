import { describe, expect, it } from "vitest";

import { hashOf, rendezvousOrder } from "./rendezvous.ts";

const workers = ["http://10.0.0.1:8000/", "http://10.0.0.2:8000/", "http://10.0.0.3:8000/"].map(
  (id) => ({ id }),
);
const keys = Array.from({ length: 3000 }, (_, index) => `conversation ${index}`);
const firstOf = (key: string, items = workers) => rendezvousOrder(key, items)[0]?.id;

describe("rendezvousOrder", () => {
  it("does not depend on the order in which workers are listed", () => {
    for (const key of keys.slice(0, 100)) {
      expect(rendezvousOrder(key, workers.toReversed())).toEqual(rendezvousOrder(key, workers));
    }
  });

  it("gives each worker about its share of conversations", () => {
    for (const { id } of workers) {
      const share = keys.filter((key) => firstOf(key) === id).length / keys.length;
      expect(share).toBeGreaterThan(0.28);
      expect(share).toBeLessThan(0.39);
    }
  });

  it("moves only the conversations of a worker that goes", () => {
    const [gone, ...left] = workers;
    for (const key of keys) {
      const before = firstOf(key);
      expect(firstOf(key, left) === before).toBe(before !== gone?.id);
    }
  });
});

it("hashOf tells texts apart that differ in one letter, far away from each other", () => {
  const hashes = keys.map((key) => hashOf(key));
  expect(new Set(hashes).size).toBeGreaterThan(keys.length - 3);
  expect(Math.max(...hashes)).toBeLessThan(2 ** 32);
});
