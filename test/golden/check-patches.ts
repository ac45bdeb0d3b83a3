import type { Check } from "./check.ts";

/** What was recorded of a patch matrix. */
export interface RecordedPatches {
  columns: number;
  mean: number;
  std: number;
  /** [row, column, value] */
  probes: readonly (readonly [number, number, number])[];
}

/** One level of a byte after normalisation. */
const LEVEL = 1 / 127.5;
/** Recorded values are rounded to 5 digits. */
const ROUNDING = 1e-5;
const PROBE_RATE = 0.99;
/** Means over a whole matrix differ by far less than its pixels. */
const STATISTIC_TOLERANCE = LEVEL / 2;

/** Mean, deviation and probes; `levels` of 255 is how far a probe may be off. */
export function* checkPatches(
  name: string,
  patches: Float32Array,
  recorded: RecordedPatches,
  levels: number,
): Generator<Check> {
  yield checkStatistics(name, patches, recorded);
  const errors = recorded.probes.map(([row, column, expected]) =>
    Math.abs((patches[row * recorded.columns + column] ?? NaN) - expected),
  );
  const close = errors.filter((error) => error <= levels * LEVEL + ROUNDING).length;
  const worst = Math.max(...errors) / LEVEL;
  yield {
    name: `${name}: probes`,
    passed: close >= PROBE_RATE * errors.length,
    detail: `${close} of ${errors.length} within ${levels} levels, worst ${worst.toFixed(2)}`,
  };
}

function checkStatistics(name: string, patches: Float32Array, recorded: RecordedPatches): Check {
  const mean = patches.reduce((sum, value) => sum + value, 0) / patches.length;
  const variance = patches.reduce((sum, value) => sum + (value - mean) ** 2, 0) / patches.length;
  const meanError = Math.abs(mean - recorded.mean);
  const stdError = Math.abs(Math.sqrt(variance) - recorded.std);
  return {
    name: `${name}: mean, deviation`,
    passed: meanError <= STATISTIC_TOLERANCE && stdError <= STATISTIC_TOLERANCE,
    detail: `off by ${meanError.toExponential(1)}, ${stdError.toExponential(1)}`,
  };
}
