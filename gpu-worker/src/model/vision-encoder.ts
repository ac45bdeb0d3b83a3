import type { VisionEncoderConfig } from "../weights/model-config.ts";
import { Graph } from "./graph.ts";
import type { Value } from "./graph.ts";
import { biasedLinear, layerNorm } from "./layers.ts";
import type { Precision } from "./precision.ts";

/** Names under which the runtime binds the vision encoder's inputs and outputs. */
export const VISION = {
  patches: "patches",
  positionIndices: "position_indices",
  positionWeights: "position_weights",
  ropeCos: "rope_cos",
  ropeSin: "rope_sin",
  ropeRows: "rope_rows",
  embeddings: "embeddings",
  deepstack: (index: number) => `deepstack_${index}`,
} as const;

const CHANNELS = 3;

/** Corners of the position table between which a patch lies. */
const CORNERS = 4;

/**
 * The vision encoder: patches [B, S, 3·temporalPatch·patch²] of B frame pairs of one size →
 * embeddings and DeepStack features [B, S / merge², outHidden]. Attention stays within a pair.
 */
export function visionEncoder(config: VisionEncoderConfig, precision: Precision): Graph {
  const graph = new Graph(precision);
  const model = graph.scope("model.visual");
  const rope = {
    rows: graph.input(VISION.ropeRows, "int64", ["B", "S"]),
    cos: graph.input(VISION.ropeCos, "float32", ["S", config.hiddenSize / config.heads / 2]),
    sin: graph.input(VISION.ropeSin, "float32", ["S", config.hiddenSize / config.heads / 2]),
  };
  const outputShape = ["B", "tokens", config.outHiddenSize];

  let hidden = graph.op("Add", [patchEmbedding(model, config), positionEmbedding(model, config)]);
  for (let layer = 0; layer < config.layers; layer++) {
    hidden = encoderLayer(model.scope("blocks").scope(layer), hidden, rope, config);
    const index = config.deepstackLayers.indexOf(layer);
    if (index !== -1) {
      const merged = deepstackMerger(
        model.scope("deepstack_merger_list").scope(index),
        hidden,
        config,
      );
      graph.output(VISION.deepstack(index), merged, "float32", outputShape);
    }
  }
  const embeddings = mainMerger(model.scope("merger"), hidden, config);
  graph.output(VISION.embeddings, embeddings, "float32", outputShape);
  return graph;
}

/** A convolution whose kernel equals its stride is a matrix product over flat patches; float32 always. */
function patchEmbedding(model: Graph, config: VisionEncoderConfig): Value {
  const { hiddenSize, temporalPatchSize, patchSize } = config;
  const kernel = [hiddenSize, CHANNELS, temporalPatchSize, patchSize, patchSize];
  const length = CHANNELS * temporalPatchSize * patchSize ** 2;
  const projection = model.scope("patch_embed").scope("proj");
  const patches = model.input(VISION.patches, "float32", ["B", "S", length]);
  const weight = projection.transposed({ name: "weight", shape: kernel });
  return model.op("Add", [
    model.op("MatMul", [patches, weight]),
    projection.weight("bias", [hiddenSize]),
  ]);
}

/** Bilinear interpolation of the square table: four corners and their weights for each patch, [S, 4]. */
function positionEmbedding(model: Graph, { positionGrid, hiddenSize }: VisionEncoderConfig): Value {
  const indices = model.input(VISION.positionIndices, "int64", ["S", CORNERS]);
  const weights = model.input(VISION.positionWeights, "float32", ["S", CORNERS, 1]);
  const table = model.scope("pos_embed").weight("weight", [positionGrid ** 2, hiddenSize]);
  const corners = model.op("Mul", [model.op("Gather", [table, indices]), weights]);
  return model.op("ReduceSum", [corners, model.int64(1)], { keepdims: 0 });
}

interface RotaryInputs {
  rows: Value;
  cos: Value;
  sin: Value;
}

/** hidden [B, S, hidden] in and out. */
function encoderLayer(
  graph: Graph,
  hidden: Value,
  rope: RotaryInputs,
  config: VisionEncoderConfig,
): Value {
  const { hiddenSize } = config;
  const normed = layerNorm(graph.scope("norm1"), hidden, hiddenSize);
  const residual = graph.op("Add", [hidden, attention(graph.scope("attn"), normed, rope, config)]);
  const mlpInput = layerNorm(graph.scope("norm2"), residual, hiddenSize);
  return graph.op("Add", [residual, mlp(graph.scope("mlp"), mlpInput, config)]);
}

function attention(graph: Graph, x: Value, rope: RotaryInputs, config: VisionEncoderConfig): Value {
  const { hiddenSize, heads } = config;
  const joint = biasedLinear(graph.scope("qkv"), x, { in: hiddenSize, out: 3 * hiddenSize });
  const sizes = graph.int64(hiddenSize, hiddenSize, hiddenSize);
  const [query, key, value] = graph.ops("Split", [joint, sizes], 3, { axis: -1 });
  const rotate = (heads_: Value) =>
    graph.op("RotaryEmbedding", [heads_, rope.rows, rope.cos, rope.sin], {
      num_heads: heads,
      rotary_embedding_dim: hiddenSize / heads,
    });
  const attended = graph.op(
    "MultiHeadAttention",
    [rotate(query), rotate(key ?? query), value ?? query],
    { num_heads: heads },
  );
  return biasedLinear(graph.scope("proj"), attended, { in: hiddenSize, out: hiddenSize });
}

function mlp(graph: Graph, x: Value, { hiddenSize, intermediateSize }: VisionEncoderConfig): Value {
  const up = biasedLinear(graph.scope("linear_fc1"), x, { in: hiddenSize, out: intermediateSize });
  const activated = graph.op("Gelu", [up], { approximate: "tanh" });
  return biasedLinear(graph.scope("linear_fc2"), activated, {
    in: intermediateSize,
    out: hiddenSize,
  });
}

/** The main merger normalises each patch, then joins the merge² patches of a token. */
function mainMerger(graph: Graph, hidden: Value, config: VisionEncoderConfig): Value {
  const normed = layerNorm(graph.scope("norm"), hidden, config.hiddenSize);
  return mergerMlp(graph, joinPatches(graph, normed, config), config);
}

/** A DeepStack merger joins first, then normalises the whole token. */
function deepstackMerger(graph: Graph, hidden: Value, config: VisionEncoderConfig): Value {
  const joined = joinPatches(graph, hidden, config);
  return mergerMlp(graph, layerNorm(graph.scope("norm"), joined, mergedSize(config)), config);
}

/** [B, S, hidden] → [B, S / merge², hidden·merge²]; patches of a token are adjacent rows. */
function joinPatches(graph: Graph, x: Value, config: VisionEncoderConfig): Value {
  return graph.op("Reshape", [x, graph.int64(0, -1, mergedSize(config))]);
}

function mergerMlp(graph: Graph, x: Value, config: VisionEncoderConfig): Value {
  const size = mergedSize(config);
  const hidden = biasedLinear(graph.scope("linear_fc1"), x, { in: size, out: size });
  const activated = graph.op("Gelu", [hidden]);
  return biasedLinear(graph.scope("linear_fc2"), activated, {
    in: size,
    out: config.outHiddenSize,
  });
}

function mergedSize({ hiddenSize, mergeSize }: VisionEncoderConfig): number {
  return hiddenSize * mergeSize ** 2;
}
