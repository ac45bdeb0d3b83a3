import * as z from "zod";

import { CheckpointError } from "./checkpoint-error.ts";
import { ConfigFile } from "./config-file.ts";
import type { RopeSettings, TextConfig, VisionConfig } from "./config-file.ts";

const ARCHITECTURES = ["Qwen3VLForConditionalGeneration", "Qwen3VLMoeForConditionalGeneration"];

export interface TextDecoderConfig {
  hiddenSize: number;
  layers: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  intermediateSize: number;
  vocabSize: number;
  maxPositions: number;
  rmsNormEpsilon: number;
  rope: RopeScaling & { theta: number };
  /** Rotary pairs that follow time, height and width; their sum is headDim / 2. */
  mropeSection: readonly [number, number, number];
  tiedHead: boolean;
  experts: ExpertsConfig | undefined;
}

/** How rotary angles are stretched beyond the positions of the training. */
export type RopeScaling =
  | { type: "default" }
  | {
      type: "yarn";
      factor: number;
      /** Positions of the training. */
      originalPositions: number;
      betaFast: number;
      betaSlow: number;
      /** Scales cosines and sines. */
      attentionFactor: number;
      /** Whether the bounds of the ramp are whole pairs. */
      truncate: boolean;
    };

/** The feed-forward part of the layers that have one for each of many experts. */
export interface ExpertsConfig {
  count: number;
  /** Experts that see each token. */
  perToken: number;
  intermediateSize: number;
  layers: ReadonlySet<number>;
  /** Whether an expert's weights are stored [out, in]; only the tensors' shapes tell. */
  isOutputMajor: boolean;
}

export interface VisionEncoderConfig {
  layers: number;
  hiddenSize: number;
  heads: number;
  intermediateSize: number;
  /** Equals the decoder's hidden size. */
  outHiddenSize: number;
  patchSize: number;
  temporalPatchSize: number;
  mergeSize: number;
  /** Sides of the square table of position embeddings. */
  positionGrid: number;
  /** Layers whose output also goes, merged, into the first text layers. */
  deepstackLayers: readonly number[];
}

export interface ModelConfig {
  text: TextDecoderConfig;
  vision: VisionEncoderConfig;
  tokens: { image: number; video: number; visionStart: number; visionEnd: number };
}

/**
 * Reads a checkpoint's `config.json` in either published spelling.
 *
 * @throws CheckpointError that names the field and what was expected
 */
export function parseModelConfig(json: string): ModelConfig {
  const value = parseJsonFile(json);
  assertArchitecture(value);
  const parsed = ConfigFile.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new CheckpointError(`config.json: ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const file = parsed.data;
  const config = {
    text: toTextConfig(file),
    vision: toVisionConfig(file.vision_config),
    tokens: {
      image: file.image_token_id,
      video: file.video_token_id,
      visionStart: file.vision_start_token_id,
      visionEnd: file.vision_end_token_id,
    },
  };
  assertConsistent(config);
  return config;
}

function parseJsonFile(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new CheckpointError("config.json is not valid JSON", { cause });
  }
}

function assertArchitecture(value: unknown): void {
  const parsed = z.object({ architectures: z.array(z.string()) }).safeParse(value);
  const found = parsed.success ? parsed.data.architectures : [];
  if (!found.some((name) => ARCHITECTURES.includes(name))) {
    throw new CheckpointError(
      `config.json: expected the architecture ${ARCHITECTURES.join(" or ")}, got ${found.join(", ") || "none"}`,
    );
  }
}

function toTextConfig(file: ConfigFile): TextDecoderConfig {
  const text = file.text_config;
  const rope = text.rope_parameters ?? text.rope_scaling;
  const ropeTheta = rope?.rope_theta ?? text.rope_theta;
  if (rope == null || ropeTheta === undefined) {
    throw new CheckpointError(
      "config.json: text_config: expected rope_parameters, or rope_scaling with rope_theta",
    );
  }
  return {
    hiddenSize: text.hidden_size,
    layers: text.num_hidden_layers,
    heads: text.num_attention_heads,
    kvHeads: text.num_key_value_heads,
    headDim: text.head_dim,
    intermediateSize: text.intermediate_size,
    vocabSize: text.vocab_size,
    maxPositions: text.max_position_embeddings,
    rmsNormEpsilon: text.rms_norm_eps,
    rope: { theta: ropeTheta, ...toRopeScaling(rope, text.max_position_embeddings) },
    mropeSection: rope.mrope_section,
    tiedHead: file.tie_word_embeddings,
    experts: toExpertsConfig(text),
  };
}

function toRopeScaling(rope: RopeSettings, maxPositions: number): RopeScaling {
  if (rope.rope_type === "default") {
    return { type: "default" };
  }
  return {
    type: "yarn",
    factor: rope.factor,
    originalPositions: rope.original_max_position_embeddings ?? maxPositions,
    betaFast: rope.beta_fast,
    betaSlow: rope.beta_slow,
    attentionFactor: rope.attention_factor ?? 0.1 * Math.log(rope.factor) + 1,
    truncate: rope.truncate,
  };
}

function toExpertsConfig(text: TextConfig): ExpertsConfig | undefined {
  const { num_experts: count, num_experts_per_tok: perToken } = text;
  if (count === undefined) {
    return undefined;
  }
  if (perToken === undefined || text.moe_intermediate_size === undefined || perToken > count) {
    throw new CheckpointError(
      `config.json: text_config: ${count} experts need moe_intermediate_size and num_experts_per_tok of at most ${count}`,
    );
  }
  const isSparse = (layer: number) =>
    (layer + 1) % text.decoder_sparse_step === 0 && !text.mlp_only_layers.includes(layer);
  const layers = Array.from({ length: text.num_hidden_layers }, (_, layer) => layer);
  return {
    count,
    perToken,
    intermediateSize: text.moe_intermediate_size,
    layers: new Set(layers.filter(isSparse)),
    isOutputMajor: false,
  };
}

function toVisionConfig(vision: VisionConfig): VisionEncoderConfig {
  return {
    layers: vision.depth,
    hiddenSize: vision.hidden_size,
    heads: vision.num_heads,
    intermediateSize: vision.intermediate_size,
    outHiddenSize: vision.out_hidden_size,
    patchSize: vision.patch_size,
    temporalPatchSize: vision.temporal_patch_size,
    mergeSize: vision.spatial_merge_size,
    positionGrid: Math.sqrt(vision.num_position_embeddings),
    deepstackLayers: vision.deepstack_visual_indexes,
  };
}

function assertConsistent({ text, vision }: ModelConfig): void {
  const rotaryPairs = text.mropeSection.reduce((sum, pairs) => sum + pairs, 0);
  const faults = [
    [text.heads % text.kvHeads !== 0, "attention heads are no multiple of key/value heads"],
    [
      rotaryPairs * 2 !== text.headDim,
      `mrope_section sums to ${rotaryPairs}, not half of head_dim`,
    ],
    [vision.outHiddenSize !== text.hiddenSize, "vision out_hidden_size is not text hidden_size"],
    [vision.hiddenSize % (vision.heads * 4) !== 0, "vision head size is no multiple of 4"],
    [!Number.isInteger(vision.positionGrid), "num_position_embeddings is no square"],
    [
      vision.deepstackLayers.some((layer) => layer >= vision.layers),
      "a DeepStack layer is missing",
    ],
    [
      new Set(vision.deepstackLayers).size !== vision.deepstackLayers.length,
      "a DeepStack layer is named twice",
    ],
    [vision.deepstackLayers.length > text.layers, "more DeepStack layers than text layers"],
  ] as const;
  for (const [isFaulty, message] of faults) {
    if (isFaulty) {
      throw new CheckpointError(`config.json: ${message}`);
    }
  }
}
