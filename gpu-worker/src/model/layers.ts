import { float } from "./graph.ts";
import type { Graph, Value } from "./graph.ts";

export interface LinearSizes {
  in: number;
  out: number;
}

/** x [..., in] → [..., out]; the checkpoint stores weights [out, in]. */
export function linear(graph: Graph, x: Value, sizes: LinearSizes): Value {
  return graph.op("MatMul", [x, graph.weight("weight", [sizes.out, sizes.in], "transposed")]);
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
