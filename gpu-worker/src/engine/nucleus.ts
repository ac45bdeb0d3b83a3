/**
 * Places of the fewest weights, largest first, whose sum reaches `topP` of the total, ascending.
 *
 * Only weights about as large as the last one kept need an order, so only they are sorted: weights
 * are counted into bins by the upper bits of their float32 form, which grow with the value.
 */
export function nucleus(weights: Float64Array, topP: number): Int32Array {
  const bits = new Uint32Array(new Float32Array(weights).buffer);
  const masses = new Float64Array(BIN_COUNT);
  for (let place = 0; place < weights.length; place++) {
    const bin = (bits[place] ?? 0) >>> BIN_SHIFT;
    masses[bin] = (masses[bin] ?? 0) + (weights[place] ?? 0);
  }

  const wanted = topP * masses.reduce((sum, mass) => sum + mass, 0);
  let mass = 0;
  let lastBin = BIN_COUNT - 1;
  while (lastBin > 0 && mass + (masses[lastBin] ?? 0) < wanted) {
    mass += masses[lastBin--] ?? 0;
  }
  const kept: number[] = [];
  const contested: number[] = [];
  for (let place = 0; place < bits.length; place++) {
    const bin = (bits[place] ?? 0) >>> BIN_SHIFT;
    if (bin >= lastBin) {
      (bin > lastBin ? kept : contested).push(place);
    }
  }
  for (const place of largestReaching(wanted - mass, contested, weights)) {
    kept.push(place);
  }
  return Int32Array.from(kept).toSorted();
}

/** Exponent and 5 bits of the mantissa of a positive float32: bins are about 3 % wide. */
const BIN_SHIFT = 18;
const BIN_COUNT = 2 ** (31 - BIN_SHIFT);

function largestReaching(wanted: number, places: number[], weights: Float64Array): number[] {
  places.sort((a, b) => (weights[b] ?? 0) - (weights[a] ?? 0) || a - b);
  let mass = 0;
  let count = 0;
  while (count < places.length && mass < wanted) {
    mass += weights[places[count++] ?? 0] ?? 0;
  }
  return places.slice(0, count);
}
