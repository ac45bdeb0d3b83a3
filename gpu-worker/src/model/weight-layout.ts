import type { GraphWeight } from "./graph.ts";

/** The shape in which a graph gets a weight. A transposed weight is a matrix: all sides but the first are its columns. */
export function storedShape({ layout, shape }: GraphWeight): readonly number[] {
  const [first = 1, ...rest] = shape;
  switch (layout) {
    case "published":
    case "gated":
      return shape;
    case "transposed":
      return [rest.reduce((product, side) => product * side, 1), first];
    case "experts":
    case "gated-experts":
      return [first, ...rest.toReversed()];
  }
}

/** The values of a weight in the order in which a graph gets them. */
export function arrange(
  { layout, shape }: GraphWeight,
  values: Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  const [first = 1, rows = 1, columns = 1] = shape;
  switch (layout) {
    case "published":
      return values;
    case "transposed":
      return transpose(values, first, values.length / first);
    case "experts":
      return perExpert(values, first, (expert) => transpose(expert, rows, columns));
    case "gated":
      return perExpert(values, first, (expert) => interleaveHalves(expert, columns));
    case "gated-experts":
      return perExpert(values, first, (expert) =>
        interleaveHalves(transpose(expert, rows, columns), rows),
      );
  }
}

/** Side of the square blocks that are transposed at once, so that both sides stay in the cache. */
const BLOCK = 32;

/** [rows, columns] → [columns, rows] */
export function transpose(
  values: Float32Array,
  rows: number,
  columns: number,
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
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

/** Rows of `width` values: the first half and the second half take turns. */
export function interleaveHalves(values: Float32Array, width: number): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  const half = values.length / width / 2;
  for (let row = 0; row < half; row++) {
    for (const [turn, source] of [row, half + row].entries()) {
      const start = source * width;
      result.set(values.subarray(start, start + width), (2 * row + turn) * width);
    }
  }
  return result;
}

function perExpert(
  values: Float32Array,
  count: number,
  rearrange: (expert: Float32Array) => Float32Array,
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  const size = values.length / count;
  for (let expert = 0; expert < count; expert++) {
    const start = expert * size;
    result.set(rearrange(values.subarray(start, start + size)), start);
  }
  return result;
}
