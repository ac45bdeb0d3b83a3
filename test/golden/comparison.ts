import type { Precision } from "../../gpu-worker/src/model/precision.ts";
import { checkClose, checkEqual } from "./check.ts";
import type { Check } from "./check.ts";

/** How what a model computes is held against what the reference computed in float32. */
export interface Comparison {
  features(name: string, actual: ArrayLike<number>, expected: ArrayLike<number>): Check;
  logits(name: string, actual: ArrayLike<number>, expected: ArrayLike<number>): Check;
  /** The best token at each position of the prompt, or of the greedy answer. */
  tokens(name: string, actual: ArrayLike<number>, expected: ArrayLike<number>): Check;
}

export function comparisonFor(precision: Precision): Comparison {
  return precision === "fp32" ? EXACT : withinCorrelation(CORRELATION_LIMITS[precision]);
}

/** Largest difference allowed, relative to the range of the expected values. */
const TOLERANCE = 2e-3;

const EXACT: Comparison = {
  features: (name, actual, expected) => checkClose(name, actual, expected, TOLERANCE),
  logits: (name, actual, expected) => checkClose(name, actual, expected, TOLERANCE),
  tokens: checkEqual,
};

/** Features of a quantised encoder may lie this far from the exact ones, relative to their length. */
const FEATURE_DISTANCE = 0.15;

/**
 * Correlation of quantised logits with the exact ones, at least. Logits of another prompt have one near
 * 0, and so has a layer at fault; the KL divergence tells these apart badly, since a random checkpoint
 * is as sure of a wrong token as of the right one.
 */
const CORRELATION_LIMITS = { int8: 0.9, int4: 0.5 } as const;

function withinCorrelation(limit: number): Comparison {
  return {
    features: (name, actual, expected) => {
      const distance = relativeDistance(actual, expected);
      return {
        name,
        passed: actual.length === expected.length && distance <= FEATURE_DISTANCE,
        detail: `${(100 * distance).toFixed(2)} % away`,
      };
    },
    logits: (name, actual, expected) => {
      const found = correlation(actual, expected);
      const divergence = klDivergence(expected, actual);
      return {
        name,
        passed: actual.length === expected.length && found >= limit,
        detail: `KL divergence ${divergence.toFixed(4)} nats, correlation ${found.toFixed(4)}`,
        divergence,
      };
    },
    tokens: (name, actual, expected) => {
      const count = agreeing(actual, expected);
      return {
        name,
        passed: actual.length === expected.length,
        detail: `${count} of ${expected.length} agree`,
        agreement: count / expected.length,
      };
    },
  };
}

/** Of softmax(actual) from softmax(expected), in nats. */
export function klDivergence(expected: ArrayLike<number>, actual: ArrayLike<number>): number {
  const p = logSoftmax(expected);
  const q = logSoftmax(actual);
  return p.reduce((sum, value, index) => sum + Math.exp(value) * (value - (q[index] ?? NaN)), 0);
}

function logSoftmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const largest = values.reduce((most, value) => Math.max(most, value), -Infinity);
  const sum = values.reduce((total, value) => total + Math.exp(value - largest), 0);
  return values.map((value) => value - largest - Math.log(sum));
}

function relativeDistance(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let distance = 0;
  let length = 0;
  for (let index = 0; index < expected.length; index++) {
    const value = expected[index] ?? NaN;
    distance += ((actual[index] ?? NaN) - value) ** 2;
    length += value ** 2;
  }
  return Math.sqrt(distance / length);
}

function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const left = centred(a);
  const right = centred(b);
  return product(left, right) / Math.sqrt(product(left, left) * product(right, right));
}

function product(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? NaN), 0);
}

function centred(values: ArrayLike<number>): number[] {
  const all = Array.from(values);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  return all.map((value) => value - mean);
}

/** Tokens of an answer that follow other tokens are compared all the same. */
function agreeing(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  return Array.from(expected).filter((token, index) => token === actual[index]).length;
}
