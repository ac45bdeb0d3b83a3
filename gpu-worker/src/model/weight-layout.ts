import type { GraphWeight, WeightLayout } from "./graph.ts";

interface Layout {
  /** The shape in which a graph gets a weight of this shape. */
  storedShape(shape: readonly number[]): readonly number[];
  arrange(values: Float32Array<ArrayBuffer>, shape: readonly number[]): Float32Array<ArrayBuffer>;
}

const asPublished = (shape: readonly number[]) => shape;
const expertsTurned = ([experts = 1, ...sides]: readonly number[]) => [
  experts,
  ...sides.toReversed(),
];

const LAYOUTS: Readonly<Record<WeightLayout, Layout>> = {
  published: { storedShape: asPublished, arrange: (values) => values },
  transposed: {
    // A matrix: all sides but the first are its columns.
    storedShape: ([rows = 1, ...rest]) => [rest.reduce((product, side) => product * side, 1), rows],
    arrange: (values, [rows = 1]) => transpose(values, rows, values.length / rows),
  },
  experts: {
    storedShape: expertsTurned,
    arrange: (values, [experts = 1, rows = 1, columns = 1]) =>
      perExpert(values, experts, (expert) => transpose(expert, rows, columns)),
  },
  gated: {
    storedShape: asPublished,
    arrange: (values, [experts = 1, , columns = 1]) =>
      perExpert(values, experts, (expert) => interleaveHalves(expert, columns)),
  },
  "gated-experts": {
    storedShape: expertsTurned,
    arrange: (values, [experts = 1, rows = 1, columns = 1]) =>
      perExpert(values, experts, (expert) =>
        interleaveHalves(transpose(expert, rows, columns), rows),
      ),
  },
};

/** The shape in which a graph gets a weight. */
export function storedShape({ layout, shape }: GraphWeight): readonly number[] {
  return LAYOUTS[layout].storedShape(shape);
}

/** The values of a weight in the order in which a graph gets them. */
export function arrange(
  { layout, shape }: GraphWeight,
  values: Float32Array<ArrayBuffer>,
): Float32Array<ArrayBuffer> {
  return LAYOUTS[layout].arrange(values, shape);
}

/** Side of the square blocks that are transposed at once, so that both sides stay in the cache. */
const BLOCK = 32;

/** [rows, columns] → [columns, rows] */
function transpose(values: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
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
function interleaveHalves(values: Float32Array, width: number): Float32Array<ArrayBuffer> {
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
