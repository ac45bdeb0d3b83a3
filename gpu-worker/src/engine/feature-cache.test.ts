import { expect, it } from "vitest";

import { FeatureCache } from "./feature-cache.ts";

function entryOf(floats: number) {
  return { features: { embeddings: new Float32Array(floats), deepstack: [] } };
}

it("gives up what was used longest ago when it holds too much", () => {
  const cache = new FeatureCache(4 * 10);
  cache.set("a", entryOf(4));
  cache.set("b", entryOf(4));
  expect(cache.get("a")).toBeDefined();
  cache.set("c", entryOf(4));
  expect(cache.get("b")).toBeUndefined();
  expect(cache.get("a")).toBeDefined();
  expect(cache.bytes).toBe(4 * 8);
});

it("counts an entry once however often it is set, and keeps none larger than itself", () => {
  const cache = new FeatureCache(4 * 10);
  cache.set("a", entryOf(8));
  cache.set("a", entryOf(6));
  expect(cache.bytes).toBe(4 * 6);
  cache.set("b", entryOf(11));
  expect(cache.get("b")).toBeUndefined();
  expect(cache.get("a")).toBeDefined();
});
