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
  pairShape: "pair_shape",
  embeddings: "embeddings",
  deepstack: (index: number) => `deepstack_${index}`,
} as const;

const CHANNELS = 3;

/** Corners of the position table between which a patch lies. */
const CORNERS = 4;

/**
 * The vision encoder over one picture in strips of P patches, or over B frame pairs of one size:
 * patches [strips, B, P, 3·temporalPatch·patch²], of which strips or B is one → embeddings and DeepStack
 * features [strips, B, P / merge², outHidden].
 *
 * Attention is over all S = strips · P patches of a picture or pair. All else takes one strip after the
 * other, so beside hidden states, queries, keys and values it needs the memory of a strip only.
 */
export function visionEncoder(config: VisionEncoderConfig, precision: Precision): Graph {
  const graph = new Graph(precision);
  const model = graph.scope("model.visual");
  const places = attentionPlaces(graph, config);
  const outputShape = ["strips", "B", "tokens", config.outHiddenSize];

  let hidden = embeddedPatches(model, config);
  for (let layer = 0; layer < config.layers; layer++) {
    hidden = encoderLayer(model.scope("blocks").scope(layer), hidden, places, config);
    const index = config.deepstackLayers.indexOf(layer);
    if (index !== -1) {
      const merger = model.scope("deepstack_merger_list").scope(index);
      const { merged } = merger.scan({ hidden }, (strip, { hidden: x }) => ({
        merged: deepstackMerger(strip, x, config),
      }));
      graph.output(VISION.deepstack(index), merged, "float32", outputShape);
    }
  }
  const merger = model.scope("merger");
  const { embeddings } = merger.scan({ hidden }, (strip, { hidden: x }) => ({
    embeddings: mainMerger(strip, x, config),
  }));
  graph.output(VISION.embeddings, embeddings, "float32", outputShape);
  return graph;
}

/** Which patches belong together, and where they are. */
interface AttentionPlaces {
  /** Rows of the rotary table, [strips, B, P]. */
  ropeRows: Value;
  ropeCos: Value;
  ropeSin: Value;
  /** B, S and hidden: keys and values of whole pairs. */
  pairShape: Value;
}

function attentionPlaces(
  graph: Graph,
  { hiddenSize, heads }: VisionEncoderConfig,
): AttentionPlaces {
  const pairs = hiddenSize / heads / 2;
  return {
    ropeRows: graph.input(VISION.ropeRows, "int64", ["strips", "B", "P"]),
    ropeCos: graph.input(VISION.ropeCos, "float32", ["S", pairs]),
    ropeSin: graph.input(VISION.ropeSin, "float32", ["S", pairs]),
    pairShape: graph.input(VISION.pairShape, "int64", [3]),
  };
}

/** Hidden states [strips, B, P, hidden]: what each patch shows, and where it is. */
function embeddedPatches(model: Graph, config: VisionEncoderConfig): Value {
  const length = CHANNELS * config.temporalPatchSize * config.patchSize ** 2;
  const inputs = {
    patches: model.input(VISION.patches, "float32", ["strips", "B", "P", length]),
    indices: model.input(VISION.positionIndices, "int32", ["strips", "P", CORNERS]),
    weights: model.input(VISION.positionWeights, "float32", ["strips", "P", CORNERS, 1]),
  };
  const { hidden } = model.scan(inputs, (strip, { patches, ...corners }) => ({
    hidden: strip.op("Add", [
      patchEmbedding(strip, patches, config),
      positionEmbedding(strip, corners, config),
    ]),
  }));
  return hidden;
}

/** A convolution whose kernel equals its stride is a matrix product over flat patches; float32 always. */
function patchEmbedding(model: Graph, patches: Value, config: VisionEncoderConfig): Value {
  const { hiddenSize, temporalPatchSize, patchSize } = config;
  const kernel = [hiddenSize, CHANNELS, temporalPatchSize, patchSize, patchSize];
  const projection = model.scope("patch_embed").scope("proj");
  const weight = projection.transposed({ name: "weight", shape: kernel });
  return model.op("Add", [
    model.op("MatMul", [patches, weight]),
    projection.weight("bias", [hiddenSize]),
  ]);
}

/** Bilinear interpolation of the square table: four corners and their weights for each patch, [P, 4]. */
function positionEmbedding(
  model: Graph,
  { indices, weights }: { indices: Value; weights: Value },
  { positionGrid, hiddenSize }: VisionEncoderConfig,
): Value {
  const table = model.scope("pos_embed").weight("weight", [positionGrid ** 2, hiddenSize]);
  const corners = model.op("Mul", [model.op("Gather", [table, indices]), weights]);
  return model.op("ReduceSum", [corners, model.int64(1)], { keepdims: 0 });
}

/** hidden [strips, B, P, hidden] in and out. */
function encoderLayer(
  graph: Graph,
  hidden: Value,
  places: AttentionPlaces,
  config: VisionEncoderConfig,
): Value {
  const { hiddenSize } = config;
  const { queries, ...pair } = projections(graph, hidden, places, config);
  const { result } = graph.scan({ hidden, queries }, (strip, rows) => {
    const attended = attention(strip.scope("attn"), { queries: rows.queries, ...pair }, config);
    const residual = strip.op("Add", [rows.hidden, attended]);
    const mlpInput = layerNorm(strip.scope("norm2"), residual, hiddenSize);
    return { result: strip.op("Add", [residual, mlp(strip.scope("mlp"), mlpInput, config)]) };
  });
  return result;
}

interface Projections {
  /** [strips, B, P, hidden] */
  queries: Value;
  /**
   * [B, S, hidden]: a strip attends to all of its pair. Laid out by heads already, MultiHeadAttention
   * would hold all scores at once: 750 MB and not 100 for 9,216 patches and two heads.
   */
  keys: Value;
  values: Value;
}

function projections(
  graph: Graph,
  hidden: Value,
  { ropeRows, ropeCos, ropeSin, pairShape }: AttentionPlaces,
  { hiddenSize, heads }: VisionEncoderConfig,
): Projections {
  const { queries, keys, values } = graph.scan({ hidden, ropeRows }, (strip, rows) => {
    const normed = layerNorm(strip.scope("norm1"), rows.hidden, hiddenSize);
    const sizes = { in: hiddenSize, out: 3 * hiddenSize };
    const joint = biasedLinear(strip.scope("attn").scope("qkv"), normed, sizes);
    const parts = strip.int64(hiddenSize, hiddenSize, hiddenSize);
    const [query, key, value] = strip.ops("Split", [joint, parts], 3, { axis: -1 });
    const rotate = (x: Value) =>
      strip.op("RotaryEmbedding", [x, rows.ropeRows, ropeCos, ropeSin], {
        num_heads: heads,
        rotary_embedding_dim: hiddenSize / heads,
      });
    return { queries: rotate(query), keys: rotate(key ?? query), values: value ?? query };
  });
  const ofPair = (strips: Value) => graph.op("Reshape", [strips, pairShape]);
  return { queries, keys: ofPair(keys), values: ofPair(values) };
}

function attention(
  graph: Graph,
  { queries, keys, values }: Projections,
  { hiddenSize, heads }: VisionEncoderConfig,
): Value {
  const attended = graph.op("MultiHeadAttention", [queries, keys, values], { num_heads: heads });
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

/** [B, P, hidden] → [B, P / merge², hidden·merge²]; patches of a token are adjacent rows. */
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
