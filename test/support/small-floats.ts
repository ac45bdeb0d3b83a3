import type { StoredTensor, Tensor } from "./random-checkpoint.ts";

/** Values rounded to a smaller type, with what they became: an account that owes nothing to the loader. */
export interface Rounded {
  stored: StoredTensor;
  /** What a reader must find in it. */
  values: Float32Array<ArrayBuffer>;
}

/** E4M3 and its scales, for each block of 128 by 128 of each matrix. */
export interface Quantised extends Rounded {
  scales: Tensor;
}

const BLOCK = 128;

/** Largest finite value of E4M3. */
const MAX_E4M3 = 448;

/** The values of the bytes 0 … 126, ascending: four bits of exponent with a bias of 7, three of fraction. */
const E4M3 = Array.from({ length: 127 }, (_, byte) => {
  const [exponent, fraction] = [byte >> 3, (byte & 7) / 8];
  return exponent === 0 ? fraction * 2 ** -6 : (1 + fraction) * 2 ** (exponent - 7);
});

/** The upper half of each float32, cut off. */
export function toBfloat16({ shape, values }: Tensor): Rounded {
  const words = new Uint32Array(values.buffer.slice());
  const halves = Uint16Array.from(words, (word) => word >>> 16);
  const cut = words.map((word) => word & 0xffff_0000);
  return {
    stored: { dtype: "BF16", shape, bytes: new Uint8Array(halves.buffer) },
    values: new Float32Array(cut.buffer),
  };
}

/** As the processor's own type rounds. */
export function toFloat16({ shape, values }: Tensor): Rounded {
  const view = new DataView(new ArrayBuffer(values.length * 2));
  for (const [index, value] of values.entries()) {
    view.setFloat16(index * 2, value, true);
  }
  return {
    stored: { dtype: "F16", shape, bytes: new Uint8Array(view.buffer) },
    values: Float32Array.from(values, (_, index) => view.getFloat16(index * 2, true)),
  };
}

/** As Qwen's `-FP8` checkpoints are made: each block by its largest value, the scales in bfloat16. */
export function toFloat8({ shape, values }: Tensor): Quantised {
  const [rows = 1, columns = 1] = shape.slice(-2);
  const [down, across] = [Math.ceil(rows / BLOCK), Math.ceil(columns / BLOCK)];
  const matrices = values.length / (rows * columns);
  const blockOf = (index: number) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    const matrix = Math.floor(row / rows);
    const inMatrix = Math.floor((row % rows) / BLOCK) * across + Math.floor(column / BLOCK);
    return matrix * down * across + inMatrix;
  };
  const largest = new Float32Array(matrices * down * across);
  for (const [index, value] of values.entries()) {
    const block = blockOf(index);
    largest[block] = Math.max(largest[block] ?? 0, Math.abs(value));
  }
  const scaleShape = [...shape.slice(0, -2), down, across];
  const wide = { shape: scaleShape, values: largest.map((value) => value / MAX_E4M3) };
  const scales = { shape: scaleShape, values: toBfloat16(wide).values };
  const scaleOf = (index: number) => scales.values[blockOf(index)] ?? NaN;
  const bytes = Uint8Array.from(values, (value, index) => nearestE4m3(value / scaleOf(index)));
  return {
    stored: { dtype: "F8_E4M3", shape, bytes },
    values: Float32Array.from(bytes, (byte, index) => Math.fround(fromE4m3(byte) * scaleOf(index))),
    scales,
  };
}

function fromE4m3(byte: number): number {
  return (byte & 0x80 ? -1 : 1) * (E4M3[byte & 0x7f] ?? NaN);
}

function nearestE4m3(value: number): number {
  const size = Math.min(Math.abs(value), MAX_E4M3);
  const above = E4M3.findIndex((candidate) => candidate >= size);
  const below = Math.max(above - 1, 0);
  const isBelowNearer = size - (E4M3[below] ?? 0) < (E4M3[above] ?? 0) - size;
  return (isBelowNearer ? below : above) | (value < 0 ? 0x80 : 0);
}
