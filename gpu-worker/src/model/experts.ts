import type { ExpertsConfig } from "../weights/model-config.ts";
import { float } from "./graph.ts";
import type { Graph, Value } from "./graph.ts";
import { linear } from "./layers.ts";

/**
 * Mixture of experts: softmax over all experts, the best few of each token renormalised, and the sum
 * of their down(silu(gate(x)) · up(x)); x [B, S, hidden] in and out.
 *
 * ONNX Runtime's operator wants each expert's weights [out, in], with gate and up rows taking turns
 * (`swiglu_fusion` 1); with alpha 1 and beta 0 its SwiGLU is the model's.
 */
export function mixtureOfExperts(
  graph: Graph,
  x: Value,
  hiddenSize: number,
  config: ExpertsConfig,
): Value {
  const { count, perToken } = config;
  const rows = graph.op("Reshape", [x, graph.int64(-1, hiddenSize)]);
  const router = linear(graph.scope("gate"), rows, { in: hiddenSize, out: count });
  const weights = expertWeights(graph.scope("experts"), hiddenSize, config);
  const mixed = graph.op("MoE", [rows, router, weights.gateUp, graph.none, weights.down], {
    k: perToken,
    activation_type: "swiglu",
    swiglu_fusion: 1,
    activation_alpha: float(1),
    activation_beta: float(0),
    normalize_routing_weights: 1,
  });
  return graph.op("Reshape", [mixed, graph.op("Shape", [x])]);
}

/** Published checkpoints store experts input-major; transformers 5 also writes them output-major. */
function expertWeights(
  graph: Graph,
  hiddenSize: number,
  { count, intermediateSize, isOutputMajor }: ExpertsConfig,
): { gateUp: Value; down: Value } {
  const joint = 2 * intermediateSize;
  return isOutputMajor
    ? {
        gateUp: graph.weight("gate_up_proj", [count, joint, hiddenSize], "gated"),
        down: graph.weight("down_proj", [count, hiddenSize, intermediateSize]),
      }
    : {
        gateUp: graph.weight("gate_up_proj", [count, hiddenSize, joint], "gated-experts"),
        down: graph.weight("down_proj", [count, intermediateSize, hiddenSize], "experts"),
      };
}
