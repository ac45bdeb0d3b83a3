import type { SamplingScratch } from "./sampling-scratch.ts";

/**
 * Of the first `count` of `scratch.ids` and their `weights`, keeps the fewest, largest first, whose sum
 * reaches `topP` of the total, in the order in which they stand; returns how many.
 */
export function keepNucleus(scratch: SamplingScratch, count: number, topP: number): number {
  const total = totalOf(scratch.weights, count);
  // All below this together are too few to be needed: only a tenth is left to look at closely.
  const needed = keepWeights(scratch, count, ((1 - topP) * total) / count);
  const last =
    needed <= FEW
      ? lastOfFew(scratch, needed, topP * total)
      : lastOfMany(scratch, needed, topP * total);
  return keepWeights(scratch, needed, scratch.weights[last] ?? 0, last);
}

/** Keeps weights above the smallest, and those equal to it up to a place. */
function keepWeights(
  { ids, weights }: SamplingScratch,
  count: number,
  smallest: number,
  last = count,
): number {
  let kept = 0;
  for (let place = 0; place < count; place++) {
    const weight = weights[place] ?? 0;
    if (weight > smallest || (weight === smallest && place <= last)) {
      ids[kept] = ids[place] ?? 0;
      weights[kept++] = weight;
    }
  }
  return kept;
}

/** The sum of the first weights; a loop, because callbacks double the time over 151,936. */
export function totalOf(weights: Float64Array, count: number): number {
  let total = 0;
  for (let place = 0; place < count; place++) {
    total += weights[place] ?? 0;
  }
  return total;
}

/** So few are ordered by insertion: what top_k leaves. */
const FEW = 64;

/** The place of the last weight needed, largest first, to reach the sum. */
function lastOfFew({ weights, places }: SamplingScratch, count: number, wanted: number): number {
  for (let place = 0; place < count; place++) {
    const weight = weights[place] ?? 0;
    let rank = place;
    while (rank > 0 && (weights[places[rank - 1] ?? 0] ?? 0) < weight) {
      places[rank] = places[rank - 1] ?? 0;
      rank--;
    }
    places[rank] = place;
  }
  return lastReaching(wanted, places.subarray(0, count), weights);
}

/** Exponent and 5 bits of the mantissa of a positive float32: bins are about 3 % wide. */
const BIN_SHIFT = 18;
const BIN_COUNT = 2 ** (31 - BIN_SHIFT);

/**
 * The same without a full sort: only weights about as large as the last one need an order. They are
 * counted into bins by the upper bits of their float32 form, which grow with the value.
 */
function lastOfMany(scratch: SamplingScratch, count: number, wanted: number): number {
  const { weights, places, floats, floatBits } = scratch;
  const masses = new Float64Array(BIN_COUNT);
  for (let place = 0; place < count; place++) {
    const weight = weights[place] ?? 0;
    floats[place] = weight;
    const bin = (floatBits[place] ?? 0) >>> BIN_SHIFT;
    masses[bin] = (masses[bin] ?? 0) + weight;
  }
  let mass = 0;
  let lastBin = BIN_COUNT - 1;
  while (lastBin > 0 && mass + (masses[lastBin] ?? 0) < wanted) {
    mass += masses[lastBin--] ?? 0;
  }
  let contested = 0;
  for (let place = 0; place < count; place++) {
    if ((floatBits[place] ?? 0) >>> BIN_SHIFT === lastBin) {
      places[contested++] = place;
    }
  }
  const ranked = places
    .subarray(0, contested)
    .toSorted((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b);
  return lastReaching(wanted - mass, ranked, weights);
}

function lastReaching(wanted: number, ranked: Int32Array, weights: Float64Array): number {
  let mass = 0;
  let rank = 0;
  while (rank < ranked.length && mass < wanted) {
    mass += weights[ranked[rank++] ?? 0] ?? 0;
  }
  return ranked[Math.max(0, rank - 1)] ?? 0;
}
