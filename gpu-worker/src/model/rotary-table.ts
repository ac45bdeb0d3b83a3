import type { RopeScaling, TextDecoderConfig } from "../weights/model-config.ts";

/** Cosines and sines of rotary embeddings, each [rows, pairs]. */
export interface RotaryTable {
  cos: Float32Array<ArrayBuffer>;
  sin: Float32Array<ArrayBuffer>;
  rows: number;
  pairs: number;
}

/** Inverse frequencies theta^(−i / pairs), in float32 as the reference computes them. */
export function inverseFrequencies(theta: number, pairs: number): Float32Array {
  return Float32Array.from(
    { length: pairs },
    (_, pair) => 1 / Math.fround(theta ** (pair / pairs)),
  );
}

export interface RotaryFrequencies {
  /** One for each rotary pair. */
  frequencies: Float32Array;
  /** What cosines and sines are multiplied with. */
  scale: number;
}

/**
 * Frequencies of the text decoder. YaRN leaves fast pairs as they are, stretches slow ones by `factor`
 * and blends between: https://arxiv.org/abs/2309.00071
 */
export function textFrequencies(
  { theta, ...scaling }: TextDecoderConfig["rope"],
  pairs: number,
): RotaryFrequencies {
  const plain = inverseFrequencies(theta, pairs);
  if (scaling.type === "default") {
    return { frequencies: plain, scale: 1 };
  }
  const { factor, attentionFactor } = scaling;
  const { low, high } = yarnRamp(scaling, theta, pairs);
  const frequencies = plain.map((frequency, pair) => {
    const stretched = Math.min(1, Math.max(0, (pair - low) / (high - low)));
    return (frequency / factor) * stretched + frequency * (1 - stretched);
  });
  return { frequencies, scale: attentionFactor };
}

/** Pairs between which YaRN blends: those that turn `betaFast` and `betaSlow` times in the training's positions. */
function yarnRamp(
  { originalPositions, betaFast, betaSlow, truncate }: Extract<RopeScaling, { type: "yarn" }>,
  theta: number,
  pairs: number,
): { low: number; high: number } {
  const pairOfTurns = (turns: number) =>
    (pairs * Math.log(originalPositions / (turns * 2 * Math.PI))) / Math.log(theta);
  const bounds = [pairOfTurns(betaFast), pairOfTurns(betaSlow)] as const;
  const low = Math.max(0, truncate ? Math.floor(bounds[0]) : bounds[0]);
  const high = Math.min(2 * pairs - 1, truncate ? Math.ceil(bounds[1]) : bounds[1]);
  return { low, high: low === high ? high + 0.001 : high }; // no division by zero
}

/** One row for each position from 0. */
export function rotaryTable({ frequencies, scale }: RotaryFrequencies, rows: number): RotaryTable {
  const pairs = frequencies.length;
  const table = emptyTable(rows, pairs);
  for (let row = 0; row < rows; row++) {
    for (const [pair, frequency] of frequencies.entries()) {
      writeAngle(table, row * pairs + pair, row * frequency, scale);
    }
  }
  return table;
}

export function emptyTable(rows: number, pairs: number): RotaryTable {
  const length = rows * pairs;
  return { cos: new Float32Array(length), sin: new Float32Array(length), rows, pairs };
}

/** The angle is rounded to float32 first, as the reference does. */
function writeAngle({ cos, sin }: RotaryTable, index: number, angle: number, scale = 1): void {
  const rounded = Math.fround(angle);
  cos[index] = Math.cos(rounded) * scale;
  sin[index] = Math.sin(rounded) * scale;
}
