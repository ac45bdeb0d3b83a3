import { float } from "./graph.ts";
import type { Graph, Value } from "./graph.ts";
import { BITS } from "./precision.ts";
import type { Precision } from "./precision.ts";
import type { BlocksFormat } from "./weight-format.ts";

export interface LinearSizes {
  in: number;
  out: number;
}

/**
 * x [..., in] → [..., out]; the checkpoint stores weights [out, in]. The graph's precision decides how
 * they are stored and multiplied; rows without whole blocks fall back from 4 to 8 bits.
 */
export function linear(graph: Graph, x: Value, sizes: LinearSizes): Value {
  return LINEAR[graph.precision](graph, x, sizes);
}

const LINEAR = {
  fp32: float32Linear,
  int8: int8Linear,
  int4: (graph, x, sizes) =>
    hasWholeBlocks(sizes) ? int4Linear(graph, x, sizes) : int8Linear(graph, x, sizes),
} as const satisfies Record<Precision, (graph: Graph, x: Value, sizes: LinearSizes) => Value>;

/** A linear layer that stays in float32 at every precision. */
export function float32Linear(graph: Graph, x: Value, sizes: LinearSizes): Value {
  return graph.op("MatMul", [x, graph.transposed("weight", [sizes.out, sizes.in])]);
}

/** Activations as bytes, 128 standing for zero, with a scale for each row; exact sums of integers. */
function int8Linear(graph: Graph, x: Value, sizes: LinearSizes): Value {
  const { quants, scales } = graph.quantised("weight", [sizes.out, sizes.in], {
    format: { kind: "int8-columns" },
  });
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

/** Neighbours in a row that share a scale. */
const BLOCK_SIZE = 32;

/** Computes with activations of 8 bits in blocks of the same size. */
const INT8_ACTIVATIONS = 4;

function int4Linear(graph: Graph, x: Value, sizes: LinearSizes): Value {
  const blocks = sizes.in / BLOCK_SIZE;
  const { quants, scales } = graph.quantised("weight", [sizes.out, sizes.in], {
    format: blocksOf(4),
    quantsShape: [sizes.out, blocks, BLOCK_SIZE / 2],
  });
  return graph.op("MatMulNBits", [x, quants, scales], {
    K: sizes.in,
    N: sizes.out,
    bits: 4,
    block_size: BLOCK_SIZE,
    accuracy_level: INT8_ACTIVATIONS,
  });
}

const hasWholeBlocks = (sizes: LinearSizes) => sizes.in % BLOCK_SIZE === 0;

const blocksOf = (bits: 4 | 8): BlocksFormat => ({ kind: "blocks", bits, size: BLOCK_SIZE });

/** Rows of a table [out, in]: indices [S] → [S, in]. */
export function tableRows(graph: Graph, indices: Value, sizes: LinearSizes): Value {
  const shape = [sizes.out, sizes.in];
  if (graph.precision === "fp32" || !hasWholeBlocks(sizes)) {
    return graph.op("Gather", [graph.weight("weight", shape), indices]);
  }
  const bits = BITS[graph.precision];
  const { quants, scales } = graph.quantised("weight", shape, { format: blocksOf(bits) });
  return graph.op("GatherBlockQuantized", [quants, indices, scales], {
    bits,
    block_size: BLOCK_SIZE,
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
