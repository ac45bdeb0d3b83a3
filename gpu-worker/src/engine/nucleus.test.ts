import { describe, expect, it } from "vitest";

import { keepNucleus } from "./nucleus.ts";
import { seededRandom } from "./random.ts";
import { SamplingScratch } from "./sampling-scratch.ts";

/** Places of the weights that are kept. */
function nucleus(weights: Float64Array, topP: number): number[] {
  const scratch = new SamplingScratch();
  scratch.fit(weights.length);
  scratch.weights.set(weights);
  scratch.ids.set([...weights.keys()]);
  const kept = [...scratch.ids.subarray(0, keepNucleus(scratch, weights.length, topP))];
  expect([...scratch.weights.subarray(0, kept.length)]).toEqual(kept.map((id) => weights[id]));
  return kept;
}

/** The definition, by a full sort. */
function bySorting(weights: Float64Array, topP: number): number[] {
  const order = [...weights.keys()].toSorted(
    (a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b,
  );
  const wanted = topP * weights.reduce((sum, weight) => sum + weight, 0);
  let mass = 0;
  const kept = order.filter((place) => {
    const needed = mass < wanted;
    mass += weights[place] ?? 0;
    return needed;
  });
  return kept.toSorted((a, b) => a - b);
}

describe("keepNucleus", () => {
  it("keeps the fewest weights that reach the mass, and at least one", () => {
    const weights = Float64Array.of(0.1, 0.5, 0.15, 0.25);
    expect(nucleus(weights, 0.6)).toEqual([1, 3]);
    expect(nucleus(weights, 1e-9)).toEqual([1]);
  });

  it("takes the first of equal weights", () => {
    expect(nucleus(Float64Array.of(1, 1, 1, 1), 0.5)).toEqual([0, 1]);
  });

  it.each([1, 4, 16])("equals a full sort on weights spread %s nats, few and many", (nats) => {
    const random = seededRandom(nats);
    for (const topP of [0.01, 0.3, 0.8, 0.95, 0.999]) {
      for (const length of [1, 20, 64, 65, 2000]) {
        const weights = Float64Array.from({ length }, () => Math.exp(-random() * nats));
        expect(nucleus(weights, topP)).toEqual(bySorting(weights, topP));
      }
    }
  });

  it("ignores weights of 0", () => {
    expect(nucleus(Float64Array.of(0, 1, 0), 0.9)).toEqual([1]);
  });
});
