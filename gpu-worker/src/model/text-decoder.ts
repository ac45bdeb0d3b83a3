import type { TextDecoderConfig } from "../weights/model-config.ts";
import { mixtureOfExperts } from "./experts.ts";
import { float, Graph } from "./graph.ts";
import type { Value } from "./graph.ts";
import { joinedLinear, linear, rmsNorm, tableProduct } from "./layers.ts";
import type { Precision } from "./precision.ts";

/** Names under which the runtime binds the decoder's inputs and outputs. */
export const DECODER = {
  embeddings: "inputs_embeds",
  positions: "position_ids",
  ropeCos: "rope_cos",
  ropeSin: "rope_sin",
  lastPositions: "seqlens_k",
  totalLength: "total_sequence_length",
  logitsIndex: "logits_index",
  logits: "logits",
  deepstack: (layer: number) => `deepstack_${layer}`,
  pastKey: (layer: number) => `past_key_${layer}`,
  pastValue: (layer: number) => `past_value_${layer}`,
  presentKey: (layer: number) => `present_key_${layer}`,
  presentValue: (layer: number) => `present_value_${layer}`,
} as const;

interface Inputs {
  positions: Value;
  ropeCos: Value;
  ropeSin: Value;
  lastPositions: Value;
  totalLength: Value;
}

/**
 * The text decoder: embeddings [B, S, hidden] → logits [B·n, vocabulary] of the n positions that
 * `logits_index` [B, n, 1] picks, with keys and values appended in place to
 * [B, kvHeads, capacity, headDim].
 *
 * DeepStack: the merged outputs of early vision layers are added to the hidden states after the
 * first text layers; each is [B, S, hidden], or [1, 1, hidden] of zeros when no vision token runs.
 */
export function textDecoder(
  config: TextDecoderConfig,
  deepstackCount: number,
  precision: Precision,
): Graph {
  const graph = new Graph(precision);
  const { hiddenSize, layers, rmsNormEpsilon } = config;
  const inputs = decoderInputs(graph, config);
  const logitsIndex = graph.input(DECODER.logitsIndex, "int64", ["B", "n", 1]);

  let hidden = graph.input(DECODER.embeddings, "float32", ["B", "S", hiddenSize]);
  const model = graph.scope("model.language_model");
  for (let layer = 0; layer < layers; layer++) {
    hidden = decoderLayer(model.scope("layers").scope(layer), hidden, { config, inputs, layer });
    if (layer < deepstackCount) {
      const vision = graph.input(DECODER.deepstack(layer), "float32", ["Bv", "Sv", hiddenSize]);
      hidden = graph.op("Add", [hidden, vision]);
    }
  }
  const picked = graph.op("GatherND", [hidden, logitsIndex], { batch_dims: 1 });
  const normed = rmsNorm(model.scope("norm"), picked, hiddenSize, rmsNormEpsilon);
  graph.output(DECODER.logits, outputHead(graph, normed, config), "float32", [
    "N",
    config.vocabSize,
  ]);
  return graph;
}

function decoderInputs(graph: Graph, { headDim }: TextDecoderConfig): Inputs {
  return {
    positions: graph.input(DECODER.positions, "int64", [3, "B", "S"]),
    ropeCos: graph.input(DECODER.ropeCos, "float32", ["P", headDim / 2]),
    ropeSin: graph.input(DECODER.ropeSin, "float32", ["P", headDim / 2]),
    lastPositions: graph.input(DECODER.lastPositions, "int32", ["B"]),
    totalLength: graph.input(DECODER.totalLength, "int32", []),
  };
}

interface LayerContext {
  config: TextDecoderConfig;
  inputs: Inputs;
  layer: number;
}

/** hidden [B, S, hidden] in and out. */
function decoderLayer(graph: Graph, hidden: Value, context: LayerContext): Value {
  const { hiddenSize, rmsNormEpsilon } = context.config;
  const norm = (name: string, x: Value) =>
    rmsNorm(graph.scope(name), x, hiddenSize, rmsNormEpsilon);

  const attended = attention(graph.scope("self_attn"), norm("input_layernorm", hidden), context);
  const residual = graph.op("Add", [hidden, attended]);

  const mlpInput = norm("post_attention_layernorm", residual);
  return graph.op("Add", [residual, feedForward(graph.scope("mlp"), mlpInput, context)]);
}

function attention(graph: Graph, x: Value, { config, inputs, layer }: LayerContext): Value {
  const { hiddenSize, heads, kvHeads, headDim } = config;
  const [queries = x, keys = x, value = x] = joinedLinear(graph, x, hiddenSize, {
    q_proj: heads * headDim,
    k_proj: kvHeads * headDim,
    v_proj: kvHeads * headDim,
  });
  const rotate = (name: string, projected: Value, count: number) =>
    rotaryHeads(graph, normHeads(graph.scope(name), projected, count, config), count, {
      config,
      inputs,
    });

  const query = rotate("q_norm", queries, heads);
  const key = rotate("k_norm", keys, kvHeads);

  const cacheShape = ["B", kvHeads, "capacity", headDim];
  const attended = graph.namedOps(
    "GroupQueryAttention",
    [
      query,
      key,
      value,
      graph.input(DECODER.pastKey(layer), "float32", cacheShape),
      graph.input(DECODER.pastValue(layer), "float32", cacheShape),
      inputs.lastPositions,
      inputs.totalLength,
    ],
    [
      { name: DECODER.presentKey(layer), type: "float32", shape: cacheShape },
      { name: DECODER.presentValue(layer), type: "float32", shape: cacheShape },
    ],
    { num_heads: heads, kv_num_heads: kvHeads, do_rotary: 0 },
  );
  return linear(graph.scope("o_proj"), attended, { in: heads * headDim, out: hiddenSize });
}

/** RMS norm within each head: x [B, S, heads·headDim] in and out. */
function normHeads(graph: Graph, x: Value, heads: number, config: TextDecoderConfig): Value {
  const { headDim, rmsNormEpsilon } = config;
  const split = graph.op("Reshape", [x, graph.int64(0, 0, heads, headDim)]);
  const normed = rmsNorm(graph, split, headDim, rmsNormEpsilon);
  return graph.op("Reshape", [normed, graph.int64(0, 0, heads * headDim)]);
}

/** Interleaved MRoPE: rotary pairs take turns in following time, height and width. */
function rotaryHeads(
  graph: Graph,
  x: Value,
  heads: number,
  { config, inputs }: Pick<LayerContext, "config" | "inputs">,
): Value {
  return graph.op("MRotaryEmbedding", [x, inputs.positions, inputs.ropeCos, inputs.ropeSin], {
    num_heads: heads,
    rotary_embedding_dim: config.headDim,
    mrope_section: config.mropeSection,
    mrope_layout: 1,
  });
}

function feedForward(graph: Graph, x: Value, { config, layer }: LayerContext): Value {
  const { experts, hiddenSize } = config;
  return experts?.layers.has(layer) === true
    ? mixtureOfExperts(graph, x, hiddenSize, experts)
    : swiGlu(graph, x, config);
}

/** down(silu(gate(x)) · up(x)) */
function swiGlu(
  graph: Graph,
  x: Value,
  { hiddenSize, intermediateSize }: TextDecoderConfig,
): Value {
  const sizes = { in: hiddenSize, out: intermediateSize };
  const gate = linear(graph.scope("gate_proj"), x, sizes);
  const up = linear(graph.scope("up_proj"), x, sizes);
  const silu = graph.op("QuickGelu", [gate], { alpha: float(1) });
  return linear(graph.scope("down_proj"), graph.op("Mul", [silu, up]), {
    in: intermediateSize,
    out: hiddenSize,
  });
}

/** [B, n, hidden] → [B·n, vocabulary] */
function outputHead(graph: Graph, x: Value, config: TextDecoderConfig): Value {
  const { tiedHead, hiddenSize, vocabSize } = config;
  const rows = graph.op("Reshape", [x, graph.int64(-1, hiddenSize)]);
  const table = graph.scope(tiedHead ? "model.language_model.embed_tokens" : "lm_head");
  return tableProduct(table, rows, { in: hiddenSize, out: vocabSize });
}
