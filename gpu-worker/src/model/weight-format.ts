import type { ElementType } from "./element-type.ts";
import {
  quantiseRows,
  quantiseTo4Bits,
  quantiseTo4BitsWithZeros,
  quantiseTo8Bits,
} from "./quantise.ts";
import type { Quantised } from "./quantise.ts";
import { transpose } from "./transpose.ts";

/**
 * How the values of a weight are encoded:
 * - `float32`;
 * - `float32-columns`: a matrix [out, in] as [in, out];
 * - `blocks`: 4 or 8 bits, each `size` neighbours of a row with a scale of their own;
 * - `offset-blocks`: 4 bits, each `size` neighbours of a row with a scale and a zero of their own;
 * - `int8-columns`: a matrix [out, in] as int8 [in, out], each row of the source with its scale.
 */
export type WeightFormat =
  | { kind: "float32" | "float32-columns" | "int8-columns" }
  | BlocksFormat
  | OffsetBlocksFormat;

export interface BlocksFormat {
  kind: "blocks";
  bits: 4 | 8;
  size: number;
}

interface OffsetBlocksFormat {
  kind: "offset-blocks";
  size: number;
}

/** One of the tensors that a weight is stored as: its values or quants, then scales, then zeros. */
export interface EncodedPart {
  type: ElementType;
  shape: readonly number[];
  /** Whether the source's rows are the last side, so that a piece of them is spread over the tensor. */
  byColumn: boolean;
}

type PartValues = Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer> | Int8Array<ArrayBuffer>;

interface Codec {
  /** What a weight of this shape is stored as. */
  parts(shape: readonly number[]): [values: EncodedPart, ...scalesAndZeros: EncodedPart[]];
  /** The values of so many neighbours along the first side, for each part. */
  encode(values: Float32Array<ArrayBuffer>, count: number): readonly PartValues[];
}

export function codecOf(format: WeightFormat): Codec {
  switch (format.kind) {
    case "blocks":
      return blocksCodec(format);
    case "offset-blocks":
      return offsetBlocksCodec(format);
    case "float32":
    case "float32-columns":
    case "int8-columns":
      return CODECS[format.kind];
  }
}

/** A short name, unique among formats. */
export function formatName(format: WeightFormat): string {
  switch (format.kind) {
    case "blocks":
      return `int${format.bits}-by-${format.size}`;
    case "offset-blocks":
      return `uint4-by-${format.size}`;
    case "float32":
    case "float32-columns":
    case "int8-columns":
      return format.kind;
  }
}

const CODECS = {
  float32: {
    parts: (shape) => [{ type: "float32", shape, byColumn: false }],
    encode: (values) => [values],
  },
  "float32-columns": {
    parts: (shape) => [{ type: "float32", shape: transposedShape(shape), byColumn: true }],
    encode: (values, rows) => [transpose(values, new Float32Array(values.length), rows)],
  },
  "int8-columns": {
    parts: (shape) => [
      { type: "int8", shape: transposedShape(shape), byColumn: true },
      { type: "float32", shape: shape.slice(0, 1), byColumn: false },
    ],
    encode: (values, rows) => {
      const { quants, scales } = quantiseRows(values, values.length / rows);
      return [transpose(quants, new Int8Array(quants.length), rows), scales];
    },
  },
} as const satisfies Record<string, Codec>;

/** Every row holds whole blocks, so rows need not be told apart. */
function blocksCodec({ bits, size }: BlocksFormat): Codec {
  const quantise: (values: Float32Array, size: number) => Quantised<Uint8Array<ArrayBuffer>> =
    bits === 4 ? quantiseTo4Bits : quantiseTo8Bits;
  return {
    parts: (shape) => blockParts(shape, bits, size),
    encode: (values) => {
      const { quants, scales } = quantise(values, size);
      return [quants, scales];
    },
  };
}

function offsetBlocksCodec({ size }: OffsetBlocksFormat): Codec {
  return {
    parts: (shape) => {
      const [quants, scales] = blockParts(shape, 4, size);
      const blocks = scales.shape.at(-1) ?? 1;
      const sides = [...shape.slice(0, -1), Math.ceil(blocks / 2)];
      return [quants, scales, { type: "uint8", shape: sides, byColumn: false }];
    },
    encode: (values, rows) => {
      const { quants, scales, zeros } = quantiseTo4BitsWithZeros(
        values,
        size,
        values.length / rows,
      );
      return [quants, scales, zeros];
    },
  };
}

function blockParts(
  shape: readonly number[],
  bits: number,
  size: number,
): [quants: EncodedPart, scales: EncodedPart] {
  const columns = shape.at(-1) ?? 1;
  if (columns % size !== 0) {
    throw new RangeError(`rows of ${columns} values have no whole blocks of ${size}`);
  }
  const sides = shape.slice(0, -1);
  return [
    { type: "uint8", shape: [...sides, (columns * bits) / 8], byColumn: false },
    { type: "float32", shape: [...sides, columns / size], byColumn: false },
  ];
}

/** All sides but the first are columns, as of a convolution's kernel. */
function transposedShape([rows = 1, ...rest]: readonly number[]): readonly number[] {
  return [rest.reduce((product, side) => product * side, 1), rows];
}
