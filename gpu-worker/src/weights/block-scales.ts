import { CheckpointError } from "./checkpoint-error.ts";

/** Rows and columns of a block of an `-FP8` checkpoint that share one scale. */
const BLOCK = 128;

interface Matrices {
  values: Float32Array;
  /** Any number of matrices: the last two sides are rows and columns. */
  shape: readonly number[];
}

/** `q_proj.weight` is scaled by `q_proj.weight_scale_inv`. */
export function scaleNameOf(tensor: string): string {
  return `${tensor}_scale_inv`;
}

/**
 * Multiplies each block of 128 × 128 values by its scale, in place.
 *
 * @throws CheckpointError when there is not one scale for each block
 */
export function multiplyBlocks(name: string, tensor: Matrices, scales: Matrices): void {
  const [rows = 1, columns = 1] = tensor.shape.slice(-2);
  const blockRows = Math.ceil(rows / BLOCK);
  const blockColumns = Math.ceil(columns / BLOCK);
  const expected = [...tensor.shape.slice(0, -2), blockRows, blockColumns];
  if (scales.shape.join() !== expected.join()) {
    throw new CheckpointError(
      `tensor ${name}: expected scales of shape [${expected.join(", ")}], got [${scales.shape.join(", ")}]`,
    );
  }
  for (let row = 0; row < tensor.values.length / columns; row++) {
    const matrix = Math.floor(row / rows);
    const blockRow = matrix * blockRows + Math.floor((row % rows) / BLOCK);
    for (let blockColumn = 0; blockColumn < blockColumns; blockColumn++) {
      const start = row * columns + blockColumn * BLOCK;
      const end = Math.min(start + BLOCK, (row + 1) * columns);
      const scale = scales.values[blockRow * blockColumns + blockColumn] ?? NaN;
      for (let index = start; index < end; index++) {
        tensor.values[index] = (tensor.values[index] ?? NaN) * scale;
      }
    }
  }
}
