import { CheckpointError } from "./checkpoint-error.ts";

/** Rows and columns of a block of an `-FP8` checkpoint that share one scale. */
export const SCALE_BLOCK = 128;

interface Matrices {
  values: Float32Array;
  /** Any number of matrices: the last two sides are rows and columns. */
  shape: readonly number[];
}

/** `q_proj.weight` is scaled by `q_proj.weight_scale_inv`. */
export function scaleNameOf(tensor: string): string {
  return `${tensor}_scale_inv`;
}

/** @throws CheckpointError when there is not one scale for each block of a tensor */
export function assertBlockScales(
  name: string,
  shape: readonly number[],
  scaleShape: readonly number[],
): void {
  const [rows = 1, columns = 1] = shape.slice(-2);
  const blocks = [Math.ceil(rows / SCALE_BLOCK), Math.ceil(columns / SCALE_BLOCK)];
  const expected = [...shape.slice(0, -2), ...blocks];
  if (scaleShape.join() !== expected.join()) {
    throw new CheckpointError(
      `tensor ${name}: expected scales of shape [${expected.join(", ")}], got [${scaleShape.join(", ")}]`,
    );
  }
}

/** Multiplies each block of 128 × 128 values by its scale, in place. */
export function multiplyBlocks({ values, shape }: Matrices, scales: Float32Array): void {
  const [rows = 1, columns = 1] = shape.slice(-2);
  const blockRows = Math.ceil(rows / SCALE_BLOCK);
  const blockColumns = Math.ceil(columns / SCALE_BLOCK);
  for (let row = 0; row < values.length / columns; row++) {
    const matrix = Math.floor(row / rows);
    const blockRow = matrix * blockRows + Math.floor((row % rows) / SCALE_BLOCK);
    for (let blockColumn = 0; blockColumn < blockColumns; blockColumn++) {
      const start = row * columns + blockColumn * SCALE_BLOCK;
      const end = Math.min(start + SCALE_BLOCK, (row + 1) * columns);
      const scale = scales[blockRow * blockColumns + blockColumn] ?? NaN;
      for (let index = start; index < end; index++) {
        values[index] = (values[index] ?? NaN) * scale;
      }
    }
  }
}
