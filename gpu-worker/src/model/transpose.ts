/** Side of the square blocks that are transposed at once, so that both sides stay in the cache. */
const BLOCK = 32;

/** [rows, columns] → [columns, rows] into `result`, which is returned. */
export function transpose<T extends Float32Array | Int8Array>(
  values: T,
  result: T,
  rows: number,
): T {
  const columns = values.length / rows;
  for (let top = 0; top < rows; top += BLOCK) {
    const bottom = Math.min(top + BLOCK, rows);
    for (let column = 0; column < columns; column++) {
      for (let row = top; row < bottom; row++) {
        result[column * rows + row] = values[row * columns + column] ?? 0;
      }
    }
  }
  return result;
}
