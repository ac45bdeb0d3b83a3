/** One comparison with a recorded value of the reference implementation. */
export interface Check {
  /** What was compared, e.g. `dense/image: last logits`. */
  name: string;
  passed: boolean;
  /** The figure: the largest difference, the rate within tolerance, or the first mismatch. */
  detail: string;
  /** KL divergence in nats, where logits of another precision were compared. */
  divergence?: number;
  /** Share of tokens that agree, where the precision allows others. */
  agreement?: number;
}

/** Compares two lists element by element and says where they part. */
export function checkEqual(
  name: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
): Check {
  if (actual.length !== expected.length) {
    return {
      name,
      passed: false,
      detail: `expected ${expected.length} values, got ${actual.length}`,
    };
  }
  for (let i = 0; i < expected.length; i++) {
    if (actual[i] !== expected[i]) {
      return { name, passed: false, detail: `at ${i}: expected ${expected[i]}, got ${actual[i]}` };
    }
  }
  return { name, passed: true, detail: `${expected.length} equal` };
}

/** Compares two lists of numbers by their largest difference, relative to the range of the expected ones. */
export function checkClose(
  name: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): Check {
  if (actual.length !== expected.length) {
    return {
      name,
      passed: false,
      detail: `expected ${expected.length} values, got ${actual.length}`,
    };
  }
  let difference = 0;
  let lowest = Infinity;
  let highest = -Infinity;
  for (let i = 0; i < expected.length; i++) {
    const value = expected[i] ?? NaN;
    difference = Math.max(difference, Math.abs((actual[i] ?? NaN) - value));
    lowest = Math.min(lowest, value);
    highest = Math.max(highest, value);
  }
  const relative = difference / (highest - lowest);
  return {
    name,
    passed: relative <= tolerance, // false for NaN as well
    detail: `largest difference ${difference.toExponential(1)}, ${relative.toExponential(1)} of the range`,
  };
}
