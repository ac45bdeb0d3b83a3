import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { openCheckpoint } from "../../gpu-worker/src/checkpoint.ts";
import { loadModel } from "../../gpu-worker/src/load-model.ts";
import { planMemory } from "../../gpu-worker/src/memory-plan.ts";
import type { Precision } from "../../gpu-worker/src/model/precision.ts";
import { textRow, tokensOf } from "../support/dense-model.ts";
import {
  asFloat32,
  configWith,
  randomTensors,
  writeCheckpoint,
} from "../support/random-checkpoint.ts";
import type { Stored, StoredTensor, Tensor } from "../support/random-checkpoint.ts";
import { toBfloat16, toFloat16, toFloat8 } from "../support/small-floats.ts";
import type { Rounded } from "../support/small-floats.ts";

/** More than a block of 128 both ways, and no multiple of one. */
const SIZES = { hidden_size: 192, intermediate_size: 320, num_hidden_layers: 3 };

/** A layer's gate and up halves meet within a block. */
const EXPERT_SIZES = {
  ...SIZES,
  num_experts: 4,
  num_experts_per_tok: 2,
  moe_intermediate_size: 160,
  norm_topk_prob: true,
  decoder_sparse_step: 1,
  mlp_only_layers: [1],
};

const MOE = { architectures: ["Qwen3VLMoeForConditionalGeneration"] };

/** As the published `-FP8` checkpoints have it. */
const FP8 = {
  quantization_config: {
    activation_scheme: "dynamic",
    fmt: "e4m3",
    modules_to_not_convert: ["lm_head", "model.visual.blocks.0.attn.qkv", "model.visual.merger"],
    quant_method: "fp8",
    weight_block_size: [128, 128],
  },
};

/** The linear layers of the text decoder; the router, the vision encoder and the embeddings are not. */
const IS_QUANTISED =
  /language_model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)\.weight$|\.experts\./;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "stored-types-"));
});
afterAll(() => rm(root, { recursive: true }));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(root, "checkpoint-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Logits at every position of a text, by the checkpoint in a folder. */
async function logitsOf(name: string, precision: Precision): Promise<Float32Array> {
  const checkpoint = await openCheckpoint(join(folder, name));
  const model = await loadModel(checkpoint, {
    cacheFolder: join(folder, "graphs"),
    precision,
    threads: 2,
    slots: 1,
    memory: planMemory(2 ** 26, checkpoint.config, 64),
  });
  try {
    return (await model.decoder.prefillAllLogits(textRow(0, 0, tokensOf(24)))).slice();
  } finally {
    model.close();
  }
}

interface Pair {
  /** As a checkpoint stores it. */
  stored: Map<string, StoredTensor>;
  /** The same numbers in float32. */
  plain: Map<string, StoredTensor>;
}

function storedAs(tensors: ReadonlyMap<string, Tensor>, round: (tensor: Tensor) => Rounded): Pair {
  const pair: Pair = { stored: new Map(), plain: new Map() };
  for (const [name, tensor] of tensors) {
    const { stored, values } = round(tensor);
    pair.stored.set(name, stored);
    pair.plain.set(name, asFloat32({ ...tensor, values }));
  }
  return pair;
}

/** Linear layers in FP8 with their scales, all else in bfloat16. */
function storedInFp8(
  tensors: ReadonlyMap<string, Tensor>,
  storeScales: (scales: Tensor) => StoredTensor,
): Pair {
  const kept = new Map([...tensors].filter(([name]) => !isQuantised(name)));
  const pair = storedAs(kept, toBfloat16);
  for (const [name, tensor] of tensors) {
    if (isQuantised(name)) {
      const { stored, values, scales } = toFloat8(tensor);
      pair.stored.set(name, stored).set(`${name}_scale_inv`, storeScales(scales));
      pair.plain.set(name, asFloat32({ ...tensor, values }));
    }
  }
  return pair;
}

const isQuantised = (name: string) => IS_QUANTISED.test(name);
const inBfloat16 = (scales: Tensor) => toBfloat16(scales).stored;

interface StorageOptions {
  /** Fields that only the stored checkpoint's configuration has. */
  more?: object;
  shards?: number;
  precision?: Precision;
}

/** Logits by both checkpoints of a pair. */
async function logitsOfBoth(
  config: object,
  { stored, plain }: { stored: Stored; plain: Stored },
  { more = {}, shards = 1, precision = "fp32" }: StorageOptions = {},
): Promise<{ logits: Float32Array; expected: Float32Array }> {
  await writeCheckpoint(join(folder, "stored"), { ...config, ...more }, stored, shards);
  await writeCheckpoint(join(folder, "plain"), config, plain);
  const expected = await logitsOf("plain", precision);
  expect(expected.every(Number.isFinite)).toBe(true);
  return { logits: await logitsOf("stored", precision), expected };
}

describe("a checkpoint computes what the same numbers in float32 do, stored in", () => {
  it.each([
    ["bfloat16", toBfloat16],
    ["float16", toFloat16],
  ])("%s", async (_, round) => {
    const config = await configWith(SIZES);
    const { logits, expected } = await logitsOfBoth(
      config,
      storedAs(randomTensors(config, false), round),
    );
    expect(logits).toEqual(expected);
  });

  it("FP8 with a scale for each block", async () => {
    const config = await configWith(SIZES);
    const pair = storedInFp8(randomTensors(config, false), inBfloat16);
    expect(
      pair.stored.get("model.language_model.layers.0.mlp.down_proj.weight_scale_inv"),
    ).toMatchObject({
      shape: [2, 3],
    });
    const { logits, expected } = await logitsOfBoth(config, pair, { more: FP8 });
    expect(logits).toEqual(expected);
  });

  it("FP8 in shards, weights apart from their scales, which are float32, and a head of its own", async () => {
    const config = await configWith(SIZES, { tie_word_embeddings: false });
    const pair = storedInFp8(randomTensors(config, false), asFloat32);
    const { logits, expected } = await logitsOfBoth(config, pair, { more: FP8, shards: 3 });
    expect(logits).toEqual(expected);
  });

  it.each(["int8", "int4"] as const)("FP8, and quantised anew to %s", async (precision) => {
    const config = await configWith(SIZES);
    const pair = storedInFp8(randomTensors(config, false), inBfloat16);
    const { logits, expected } = await logitsOfBoth(config, pair, { more: FP8, precision });
    expect(logits).toEqual(expected);
  });

  it.each([
    ["as published", false],
    ["as transformers 5 writes them", true],
  ])("FP8, a mixture of experts, %s", async (_, isOutputMajor) => {
    const config = await configWith(EXPERT_SIZES, MOE);
    const pair = storedInFp8(randomTensors(config, isOutputMajor), inBfloat16);
    const experts = "model.language_model.layers.0.mlp.experts.gate_up_proj_scale_inv";
    expect(pair.stored.get(experts)?.shape).toEqual(isOutputMajor ? [4, 3, 2] : [4, 2, 3]);
    const { logits, expected } = await logitsOfBoth(config, pair, { more: FP8, shards: 2 });
    expect(logits).toEqual(expected);
  });
});

describe("a checkpoint in FP8 is refused", () => {
  const WEIGHT = "model.language_model.layers.1.mlp.up_proj.weight";
  const SCALE = `${WEIGHT}_scale_inv`;

  it.each<[string, (stored: Map<string, StoredTensor>) => void, string]>([
    [
      "without a scale",
      (stored) => stored.delete(SCALE),
      `tensor ${WEIGHT} is F8_E4M3, but ${SCALE} is missing`,
    ],
    [
      "with scales for other blocks",
      (stored) => stored.set(SCALE, asFloat32({ shape: [3, 1], values: new Float32Array(3) })),
      `tensor ${WEIGHT}: expected scales of shape [3, 2], got [3, 1]`,
    ],
    [
      "with one scale for a whole tensor",
      (stored) => stored.set(SCALE, asFloat32({ shape: [], values: new Float32Array(1) })),
      `tensor ${WEIGHT}: expected scales of shape [3, 2], got []`,
    ],
    [
      "with a scale of a tensor that is not there",
      (stored) =>
        stored.set("x.weight_scale_inv", asFloat32({ shape: [1, 1], values: new Float32Array(1) })),
      "tensor x.weight_scale_inv belongs to no part of the model",
    ],
  ])("%s", async (_, damage, message) => {
    const config = await configWith(SIZES);
    const { stored } = storedInFp8(randomTensors(config, false), inBfloat16);
    damage(stored);
    await writeCheckpoint(join(folder, "stored"), { ...config, ...FP8 }, stored);
    await expect(logitsOf("stored", "fp32")).rejects.toMatchObject({
      name: "CheckpointError",
      message,
    });
  });
});
