import type { ExpertsConfig } from "../weights/model-config.ts";
import { float } from "./graph.ts";
import type { Attributes, Graph, Value } from "./graph.ts";
import { float32Linear } from "./layers.ts";
import { BITS } from "./precision.ts";
import type { BlocksFormat } from "./weight-format.ts";
import type { WeightLayout } from "./weight-layout.ts";

/**
 * Mixture of experts: softmax over all experts, the best few of each token renormalised, and the sum
 * of their down(silu(gate(x)) · up(x)); x [B, S, hidden] in and out.
 *
 * The router stays in float32: it is small, and its mistakes send tokens to other experts.
 */
export function mixtureOfExperts(
  graph: Graph,
  x: Value,
  hiddenSize: number,
  config: ExpertsConfig,
): Value {
  const rows = graph.op("Reshape", [x, graph.int64(-1, hiddenSize)]);
  const router = float32Linear(graph.scope("gate"), rows, { in: hiddenSize, out: config.count });
  const mixed = mixExperts(graph.scope("experts"), [rows, router], hiddenSize, config);
  return graph.op("Reshape", [mixed, graph.op("Shape", [x])]);
}

/**
 * ONNX Runtime's operators want each expert's weights [out, in], with gate and up rows taking turns
 * (`swiglu_fusion` 1); with alpha 1 and beta 0 their SwiGLU is the model's.
 */
function mixExperts(
  graph: Graph,
  inputs: readonly Value[],
  hiddenSize: number,
  config: ExpertsConfig,
): Value {
  const { gateUp, down } = expertWeights(hiddenSize, config);
  const attributes: Attributes = {
    k: config.perToken,
    activation_type: "swiglu",
    swiglu_fusion: 1,
    activation_alpha: float(1),
    activation_beta: float(0),
    normalize_routing_weights: 1,
  };
  const format = expertFormat(graph, hiddenSize, config);
  if (format === undefined) {
    const stored = (w: ExpertWeight) => graph.weight(w.name, w.shape, w.layout);
    return graph.op("MoE", [...inputs, stored(gateUp), graph.none, stored(down)], attributes);
  }
  const stored = ({ name, shape, layout }: ExpertWeight) => {
    const { quants, scales } = graph.quantised([{ name, shape }], { format, layout });
    return [quants, scales];
  };
  return graph.op("QMoE", [...inputs, ...stored(gateUp), graph.none, ...stored(down)], {
    ...attributes,
    expert_weight_bits: format.bits,
    block_size: format.size,
  });
}

/** Sizes of blocks that `QMoE` takes, the better first. */
const BLOCK_SIZES = [32, 16];

/** Of blocks that divide the rows of both products, which share the size; float32 where none does. */
function expertFormat(
  { precision }: Graph,
  hiddenSize: number,
  { intermediateSize }: ExpertsConfig,
): BlocksFormat | undefined {
  const size = BLOCK_SIZES.find(
    (candidate) => hiddenSize % candidate === 0 && intermediateSize % candidate === 0,
  );
  return precision === "fp32" || size === undefined
    ? undefined
    : { kind: "blocks", bits: BITS[precision], size };
}

interface ExpertWeight {
  name: string;
  shape: readonly number[];
  layout: WeightLayout;
}

/** Published checkpoints store experts input-major; transformers 5 also writes them output-major. */
function expertWeights(
  hiddenSize: number,
  { count, intermediateSize, isOutputMajor }: ExpertsConfig,
): { gateUp: ExpertWeight; down: ExpertWeight } {
  const joint = 2 * intermediateSize;
  const gateUp = (sides: readonly number[], layout: WeightLayout) => ({
    name: "gate_up_proj",
    shape: [count, ...sides],
    layout,
  });
  const down = (sides: readonly number[], layout: WeightLayout) => ({
    name: "down_proj",
    shape: [count, ...sides],
    layout,
  });
  return isOutputMajor
    ? {
        gateUp: gateUp([joint, hiddenSize], "gated"),
        down: down([hiddenSize, intermediateSize], "published"),
      }
    : {
        gateUp: gateUp([hiddenSize, joint], "gated-experts"),
        down: down([intermediateSize, hiddenSize], "experts"),
      };
}
