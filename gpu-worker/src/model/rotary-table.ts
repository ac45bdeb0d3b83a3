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

/** One row for each position from 0. */
export function rotaryTable(frequencies: Float32Array, rows: number): RotaryTable {
  const pairs = frequencies.length;
  const table = emptyTable(rows, pairs);
  for (let row = 0; row < rows; row++) {
    for (const [pair, frequency] of frequencies.entries()) {
      writeAngle(table, row * pairs + pair, row * frequency);
    }
  }
  return table;
}

export function emptyTable(rows: number, pairs: number): RotaryTable {
  const length = rows * pairs;
  return { cos: new Float32Array(length), sin: new Float32Array(length), rows, pairs };
}

/** The angle is rounded to float32 first, as the reference does. */
export function writeAngle({ cos, sin }: RotaryTable, index: number, angle: number): void {
  const rounded = Math.fround(angle);
  cos[index] = Math.cos(rounded);
  sin[index] = Math.sin(rounded);
}
