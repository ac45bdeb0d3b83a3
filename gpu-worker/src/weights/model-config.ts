import * as z from "zod";

import { CheckpointError } from "./checkpoint-error.ts";

const ARCHITECTURE = "Qwen3VLForConditionalGeneration";

const size = z.int().positive();

/** `rope_scaling` + `rope_theta` (transformers 4.57), or `rope_parameters` alone (transformers 5). */
const RopeSettings = z.object({
  rope_type: z.literal("default", "only the rope_type default is supported").default("default"),
  rope_theta: z.number().positive().optional(),
  mrope_interleaved: z.literal(true, "expected interleaved MRoPE").default(true),
  mrope_section: z.tuple([size, size, size]),
});

const TextConfig = z.object({
  hidden_size: size,
  num_hidden_layers: size,
  num_attention_heads: size,
  num_key_value_heads: size,
  head_dim: size,
  intermediate_size: size,
  vocab_size: size,
  max_position_embeddings: size,
  rms_norm_eps: z.number().positive(),
  hidden_act: z.literal("silu"),
  attention_bias: z.literal(false).default(false),
  rope_theta: z.number().positive().optional(),
  rope_scaling: RopeSettings.nullish(),
  rope_parameters: RopeSettings.nullish(),
});

const VisionConfig = z.object({
  depth: size,
  hidden_size: size,
  num_heads: size,
  intermediate_size: size,
  out_hidden_size: size,
  hidden_act: z.literal("gelu_pytorch_tanh"),
  in_channels: z.literal(3),
  patch_size: size,
  temporal_patch_size: size,
  spatial_merge_size: size,
  num_position_embeddings: size,
  deepstack_visual_indexes: z.array(z.int().nonnegative()).max(8),
});

const ConfigFile = z.object({
  text_config: TextConfig,
  vision_config: VisionConfig,
  tie_word_embeddings: z.boolean().default(false),
  image_token_id: z.int(),
  video_token_id: z.int(),
  vision_start_token_id: z.int(),
  vision_end_token_id: z.int(),
});

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
  ropeTheta: number;
  /** Rotary pairs that follow time, height and width; their sum is headDim / 2. */
  mropeSection: readonly [number, number, number];
  tiedHead: boolean;
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
  if (!found.includes(ARCHITECTURE)) {
    throw new CheckpointError(
      `config.json: expected the architecture ${ARCHITECTURE}, got ${found.join(", ") || "none"}`,
    );
  }
}

function toTextConfig(file: z.infer<typeof ConfigFile>): TextDecoderConfig {
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
    ropeTheta,
    mropeSection: rope.mrope_section,
    tiedHead: file.tie_word_embeddings,
  };
}

function toVisionConfig(vision: z.infer<typeof VisionConfig>): VisionEncoderConfig {
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
    [vision.deepstackLayers.length > text.layers, "more DeepStack layers than text layers"],
  ] as const;
  for (const [isFaulty, message] of faults) {
    if (isFaulty) {
      throw new CheckpointError(`config.json: ${message}`);
    }
  }
}
