import { transpose } from "./transpose.ts";

/**
 * The order in which a tensor's values are stored: as published; or, for each expert of a tensor of
 * three sides, [in, out] → [out, in], or with the gate and up halves of its rows taking turns, or both.
 */
export type WeightLayout = "published" | "experts" | "gated" | "gated-experts";

interface Layout {
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
  experts: {
    storedShape: expertsTurned,
    arrange: (values, [experts = 1, rows = 1]) =>
      perExpert(values, experts, (expert) => turned(expert, rows)),
  },
  gated: {
    storedShape: asPublished,
    arrange: (values, [experts = 1, , columns = 1]) =>
      perExpert(values, experts, (expert) => interleaveHalves(expert, columns)),
  },
  "gated-experts": {
    storedShape: expertsTurned,
    arrange: (values, [experts = 1, rows = 1]) =>
      perExpert(values, experts, (expert) => interleaveHalves(turned(expert, rows), rows)),
  },
};

/** The shape that a tensor of this shape has in a layout. */
export function arrangedShape(layout: WeightLayout, shape: readonly number[]): readonly number[] {
  return LAYOUTS[layout].storedShape(shape);
}

/** The values of a tensor in the order of a layout. */
export function arrange(
  layout: WeightLayout,
  values: Float32Array<ArrayBuffer>,
  shape: readonly number[],
): Float32Array<ArrayBuffer> {
  return LAYOUTS[layout].arrange(values, shape);
}

/** [rows, columns] → [columns, rows] */
function turned(values: Float32Array, rows: number): Float32Array {
  return transpose(values, new Float32Array(values.length), rows);
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
