/** A checkpoint's `config.json` as it is published, in either spelling. */
import * as z from "zod";

import { SCALE_BLOCK } from "./block-scales.ts";

const size = z.int().positive();

/** The 235B model has 94; each costs memory before its weights are found to be missing. */
const layerCount = size.max(1024);

/** `rope_scaling` + `rope_theta` (transformers 4.57), or `rope_parameters` alone (transformers 5). */
const ropeSettings = {
  rope_theta: z.number().positive().optional(),
  mrope_interleaved: z.literal(true, "expected interleaved MRoPE").default(true),
  mrope_section: z.tuple([size, size, size]),
};
const RopeSettings = z.discriminatedUnion(
  "rope_type",
  [
    z.object({ rope_type: z.literal("default"), ...ropeSettings }),
    z.object({
      rope_type: z.literal("yarn"),
      factor: z.number().min(1),
      original_max_position_embeddings: size.optional(),
      beta_fast: z.number().positive().default(32),
      beta_slow: z.number().positive().default(1),
      attention_factor: z.number().positive().nullish(),
      truncate: z.boolean().default(true),
      ...ropeSettings,
    }),
  ],
  "expected the rope_type default or yarn",
);
export type RopeSettings = z.infer<typeof RopeSettings>;

/** Fields of a mixture of experts; absent in dense checkpoints. */
const expertSettings = {
  num_experts: size.optional(),
  num_experts_per_tok: size.optional(),
  moe_intermediate_size: size.optional(),
  norm_topk_prob: z.literal(true, "only renormalised expert weights are supported").optional(),
  decoder_sparse_step: size.default(1),
  mlp_only_layers: z.array(z.int().nonnegative()).default([]),
};

const TextConfig = z.object({
  hidden_size: size,
  num_hidden_layers: layerCount,
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
  ...expertSettings,
});
export type TextConfig = z.infer<typeof TextConfig>;

const VisionConfig = z.object({
  depth: layerCount,
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
export type VisionConfig = z.infer<typeof VisionConfig>;

/** The `-FP8` checkpoints: blocks of weights, each with a scale. Which tensors are, their types tell. */
const QuantizationConfig = z.object({
  quant_method: z.literal("fp8", {
    error: ({ input }) => `expected fp8 with block scales, got ${JSON.stringify(input)}`,
  }),
  weight_block_size: z.tuple([z.literal(SCALE_BLOCK), z.literal(SCALE_BLOCK)], {
    error: ({ input }) => `expected blocks of 128 by 128, got ${JSON.stringify(input) ?? "none"}`,
  }),
});

export const ConfigFile = z.object({
  quantization_config: QuantizationConfig.nullish(),
  text_config: TextConfig,
  vision_config: VisionConfig,
  tie_word_embeddings: z.boolean().default(false),
  image_token_id: z.int(),
  video_token_id: z.int(),
  vision_start_token_id: z.int(),
  vision_end_token_id: z.int(),
});
export type ConfigFile = z.infer<typeof ConfigFile>;
