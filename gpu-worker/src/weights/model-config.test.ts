import { describe, expect, it } from "vitest";

import { readText } from "../prompt/test-checkpoint.ts";
import { CheckpointError } from "./checkpoint-error.ts";
import { parseModelConfig } from "./model-config.ts";

type Fields = Readonly<Record<string, unknown>>;

interface Edits {
  top?: Fields;
  text?: Fields;
  vision?: Fields;
}

const published: Fields & { text_config: Fields; vision_config: Fields } = JSON.parse(
  readText("test/golden/data/checkpoints/dense/config.json"),
);

/** The configuration of the tiny checkpoint with some fields set; undefined takes one away. */
function configWith({ top, text, vision }: Edits): string {
  return JSON.stringify({
    ...published,
    text_config: { ...published.text_config, ...text },
    vision_config: { ...published.vision_config, ...vision },
    ...top,
  });
}

const rope = { rope_type: "default", mrope_interleaved: true, mrope_section: [6, 5, 5] };

describe("parseModelConfig", () => {
  it("reads what the graphs need", () => {
    const { text, vision, tokens } = parseModelConfig(configWith({}));
    expect(text).toMatchObject({ hiddenSize: 64, layers: 4, kvHeads: 2, tiedHead: true });
    expect(text.mropeSection).toEqual([6, 5, 5]);
    expect(vision).toMatchObject({ positionGrid: 48, mergeSize: 2, deepstackLayers: [0, 1, 2] });
    expect(tokens).toEqual({ image: 1528, video: 1529, visionStart: 1525, visionEnd: 1526 });
  });

  it("reads both published spellings of the rotary embedding alike", () => {
    const older = parseModelConfig(configWith({}));
    const newer = configWith({
      text: {
        rope_theta: undefined,
        rope_scaling: undefined,
        rope_parameters: { ...rope, rope_theta: 5_000_000 },
      },
    });
    expect(parseModelConfig(newer)).toEqual(older);
  });

  it.each<[string, Edits, string]>([
    [
      "another architecture",
      { top: { architectures: ["Qwen2VLForConditionalGeneration"] } },
      "got Qwen2VLForConditionalGeneration",
    ],
    ["no architecture", { top: { architectures: undefined } }, "got none"],
    ["a missing field", { text: { hidden_size: undefined } }, "text_config.hidden_size"],
    ["a size of zero", { vision: { patch_size: 0 } }, "vision_config.patch_size"],
    ["more layers than any model has", { text: { num_hidden_layers: 1e9 } }, "num_hidden_layers"],
    ["another activation", { text: { hidden_act: "gelu" } }, "text_config.hidden_act"],
    ["attention with a bias", { text: { attention_bias: true } }, "text_config.attention_bias"],
    [
      "another kind of rotary embedding",
      { text: { rope_scaling: { ...rope, rope_type: "longrope" } } },
      "rope_type",
    ],
    [
      "MRoPE that is not interleaved",
      { text: { rope_scaling: { ...rope, mrope_interleaved: false } } },
      "expected interleaved MRoPE",
    ],
    ["no rotary embedding", { text: { rope_scaling: undefined } }, "expected rope_parameters"],
    ["no theta", { text: { rope_theta: undefined } }, "rope_scaling with rope_theta"],
    ["heads that do not share", { text: { num_key_value_heads: 3 } }, "no multiple of key/value"],
    [
      "sections that do not fill a head",
      { text: { rope_scaling: { ...rope, mrope_section: [6, 5, 4] } } },
      "mrope_section sums to 15, not half of head_dim",
    ],
    ["features of another width", { vision: { out_hidden_size: 32 } }, "out_hidden_size is not"],
    ["a position table that is no square", { vision: { num_position_embeddings: 2303 } }, "square"],
    [
      "a DeepStack layer that is not there",
      { vision: { deepstack_visual_indexes: [0, 4] } },
      "a DeepStack layer is missing",
    ],
    [
      "a DeepStack layer twice",
      { vision: { deepstack_visual_indexes: [1, 1] } },
      "a DeepStack layer is named twice",
    ],
    ["more DeepStack layers than text layers", { text: { num_hidden_layers: 2 } }, "than text"],
    ...["awq", "gptq", "bitsandbytes", "compressed-tensors"].map(
      (method): [string, Edits, string] => [
        `weights quantised by ${method}`,
        { top: { quantization_config: { quant_method: method, bits: 4 } } },
        `quantization_config.quant_method: expected fp8 with block scales, got "${method}"`,
      ],
    ),
    [
      "fp8 with a scale for each tensor",
      { top: { quantization_config: { quant_method: "fp8" } } },
      "quantization_config.weight_block_size: expected blocks of 128 by 128, got none",
    ],
    [
      "fp8 in other blocks",
      { top: { quantization_config: { quant_method: "fp8", weight_block_size: [64, 128] } } },
      "quantization_config.weight_block_size.0",
    ],
  ])("refuses %s", (_, edits, message) => {
    expect(() => parseModelConfig(configWith(edits))).toThrow(CheckpointError);
    expect(() => parseModelConfig(configWith(edits))).toThrow("config.json: ");
    expect(() => parseModelConfig(configWith(edits))).toThrow(message);
  });

  it("refuses what is no JSON, or no object", () => {
    expect(() => parseModelConfig("{")).toThrow("config.json is not valid JSON");
    expect(() => parseModelConfig("[]")).toThrow("got none");
  });
});
