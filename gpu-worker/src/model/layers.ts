import { float } from "./graph.ts";
import type { Graph, NamedShape, Value } from "./graph.ts";
import { BITS } from "./precision.ts";
import type { Precision } from "./precision.ts";

export interface LinearSizes {
  in: number;
  out: number;
}

/** A matrix of the checkpoint, or several that read the same values, their rows one after another. */
interface Matrix extends LinearSizes {
  sources: readonly NamedShape[];
}

/**
 * x [..., in] → [..., out]; the checkpoint stores weights [out, in]. The graph's precision decides how
 * they are stored and multiplied; rows without whole blocks fall back from 4 to 8 bits.
 */
export function linear(graph: Graph, x: Value, sizes: LinearSizes): Value {
  return PRODUCT[graph.precision](graph, x, matrixOf(sizes));
}

/**
 * Several linear layers that read the same x, as one product: narrow ones keep threads less busy (28
 * million weights a millisecond for 1,024 outputs, 36 for 6,144). Outputs in the order of the layers.
 */
export function joinedLinear(
  graph: Graph,
  x: Value,
  inSize: number,
  layers: Readonly<Record<string, number>>,
): Value[] {
  const outs = Object.values(layers);
  const sources = Object.entries(layers).map(([name, out]) => ({
    name: `${name}.weight`,
    shape: [out, inSize],
  }));
  const out = outs.reduce((sum, size) => sum + size, 0);
  const joint = PRODUCT[graph.precision](graph, x, { in: inSize, out, sources });
  return graph.ops("Split", [joint, graph.int64(...outs)], outs.length, { axis: -1 });
}

const matrixOf = (sizes: LinearSizes): Matrix => ({
  ...sizes,
  sources: [{ name: "weight", shape: [sizes.out, sizes.in] }],
});

const PRODUCT = {
  fp32: float32Product,
  int8: int8Product,
  int4: (graph, x, matrix) => {
    const size = blockSizeOf(matrix);
    return size === undefined ? int8Product(graph, x, matrix) : int4Product(graph, x, matrix, size);
  },
} as const satisfies Record<Precision, (graph: Graph, x: Value, matrix: Matrix) => Value>;

/** A linear layer that stays in float32 at every precision. */
export function float32Linear(graph: Graph, x: Value, sizes: LinearSizes): Value {
  return float32Product(graph, x, matrixOf(sizes));
}

function float32Product(graph: Graph, x: Value, { sources }: Matrix): Value {
  return graph.op("MatMul", [x, graph.transposed(...sources)]);
}

/** Activations as bytes, 128 standing for zero, with a scale for each row; exact sums of integers. */
function int8Product(graph: Graph, x: Value, { sources }: Matrix): Value {
  const { quants, scales } = graph.quantised(sources, { format: { kind: "int8-columns" } });
  const rows = bytesByRow(graph, x);
  const one = graph.scalar("float32", 1);
  const product = graph.op("MatMulIntegerToFloat", [rows.bytes, quants, one, scales, rows.zero]);
  return graph.op("Mul", [product, rows.scale]);
}

/** Layers that read the same x write this twice; ONNX Runtime merges equal nodes when it loads a graph. */
function bytesByRow(graph: Graph, x: Value): { bytes: Value; zero: Value; scale: Value } {
  const scalar = (value: number) => graph.scalar("float32", value);
  const largest = graph.op("ReduceMax", [graph.op("Abs", [x]), graph.int64(-1)], { keepdims: 1 });
  const steps = graph.op("Mul", [largest, scalar(1 / 127)]);
  const scale = graph.op("Max", [steps, scalar(1e-10)]); // a row of zeros
  const zero = graph.scalar("uint8", 128);
  const scaled = graph.op("Div", [x, scale]);
  return { bytes: graph.op("QuantizeLinear", [scaled, scalar(1), zero]), zero, scale };
}

/** Neighbours in a row that share a scale, and at 4 bits a zero. */
const BLOCK_SIZE = 32;

/**
 * Of long rows, as those of the 2B model and larger ones. Decoding waits for memory, and ONNX Runtime
 * keeps 8 bytes beside each block: these are a sixth faster while decoding and a twentieth over many
 * rows, and with zeros of their own they lose as little as llama.cpp's blocks of 32 without. They are why
 * `ROW_MULTIPLE` is not 1.
 */
const LONG_ROW_BLOCK_SIZE = 64;

/** In small models, which are fast anyway, what is lost matters more. */
const LONG_ROW = 1024;

/** Of 4 bits; undefined where no blocks divide the rows. */
function blockSizeOf(sizes: LinearSizes): number | undefined {
  const longRows = sizes.in >= LONG_ROW ? [LONG_ROW_BLOCK_SIZE] : [];
  return [...longRows, BLOCK_SIZE].find((size) => sizes.in % size === 0);
}

/** Computes with activations of 8 bits in blocks of the same size. */
const INT8_ACTIVATIONS = 4;

/** A zero of each block's own costs nothing: ONNX Runtime folds it into sums that it keeps anyway. */
function int4Product(graph: Graph, x: Value, matrix: Matrix, size: number): Value {
  const { quants, scales, zeros } = graph.quantised(matrix.sources, {
    format: { kind: "offset-blocks", size },
    quantsShape: [matrix.out, matrix.in / size, size / 2],
  });
  return graph.op("MatMulNBits", [x, quants, scales, zeros ?? graph.none], {
    K: matrix.in,
    N: matrix.out,
    bits: 4,
    block_size: size,
    accuracy_level: INT8_ACTIVATIONS,
  });
}

/** Rows of a table [out, in]: indices [S] → [S, in]. */
export function tableRows(graph: Graph, indices: Value, sizes: LinearSizes): Value {
  const { precision } = graph;
  const size = precision === "int4" ? blockSizeOf(sizes) : BLOCK_SIZE;
  if (precision === "fp32" || size === undefined || sizes.in % size !== 0) {
    return graph.op("Gather", [graph.weight("weight", [sizes.out, sizes.in]), indices]);
  }
  const { quants, scales, zeros } = graph.quantised(matrixOf(sizes).sources, {
    format:
      precision === "int8" ? { kind: "blocks", bits: 8, size } : { kind: "offset-blocks", size },
  });
  return graph.op("GatherBlockQuantized", [quants, indices, scales, zeros ?? graph.none], {
    bits: BITS[precision],
    block_size: size,
    gather_axis: 0,
    quantize_axis: 1,
  });
}

/**
 * x [S, in] → [S, out]: a linear layer whose weights are a table, stored as `tableRows` stores them at
 * fp32 and int4, so that the two share their bytes. At int8 multiplying wants columns: both are stored.
 */
export function tableProduct(graph: Graph, x: Value, sizes: LinearSizes): Value {
  return graph.precision === "fp32"
    ? graph.op("Gemm", [x, graph.weight("weight", [sizes.out, sizes.in])], { transB: 1 })
    : linear(graph, x, sizes);
}

export function biasedLinear(graph: Graph, x: Value, sizes: LinearSizes): Value {
  return graph.op("Add", [linear(graph, x, sizes), graph.weight("bias", [sizes.out])]);
}

/** Over the last axis, of `size` values. */
export function rmsNorm(graph: Graph, x: Value, size: number, epsilon: number): Value {
  return graph.op("SimplifiedLayerNormalization", [x, graph.weight("weight", [size])], {
    axis: -1,
    epsilon: float(epsilon),
  });
}

/** Over the last axis, of `size` values; the vision encoder's epsilon is fixed in the reference. */
export function layerNorm(graph: Graph, x: Value, size: number): Value {
  return graph.op(
    "LayerNormalization",
    [x, graph.weight("weight", [size]), graph.weight("bias", [size])],
    { axis: -1, epsilon: float(1e-6) },
  );
}
