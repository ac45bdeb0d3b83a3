import { randomFillSync } from "node:crypto";
import { rename } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";

import type { TextDecoderConfig } from "../../../gpu-worker/src/weights/model-config.ts";
import { BENCH_FOLDER } from "./bench-folder.ts";
import { writeGguf } from "./gguf-file.ts";
import type { GgufTensor } from "./gguf-file.ts";
import { exists } from "./make-checkpoint.ts";

/** The file of such weights, written at its first use. */
export async function randomGguf(name: string, config: TextDecoderConfig): Promise<string> {
  const path = join(BENCH_FOLDER, `${name}-q4_0.gguf`);
  if (!(await exists(path))) {
    const unfinished = `${path}.${process.pid}.tmp`;
    await writeRandomGguf(unfinished, config);
    await rename(unfinished, path);
  }
  return path;
}

/**
 * Writes random weights of a text decoder's sides as llama.cpp's Q4_0, the head tied to the embeddings:
 * what our int4 is, as llama.cpp has it. The vocabulary only has the right size; tokens are given by number.
 */
async function writeRandomGguf(path: string, config: TextDecoderConfig): Promise<void> {
  const blocks = randomBlocks();
  const ones = new Uint8Array(new Float32Array(config.hiddenSize).fill(1).buffer);
  await writeGguf(path, metadataOf(config), tensorsOf(config), (file, { type }, bytes) =>
    type === "F32" ? writeOnes(file, ones, bytes) : writeBlocks(file, blocks, bytes),
  );
}

function metadataOf(config: TextDecoderConfig) {
  return {
    strings: {
      "general.architecture": "qwen3",
      "tokenizer.ggml.model": "gpt2",
      "tokenizer.ggml.pre": "qwen2",
    },
    lists: {
      "tokenizer.ggml.tokens": Array.from({ length: config.vocabSize }, (_, id) => `<${id}>`),
      "tokenizer.ggml.merges": [],
    },
    counts: {
      "qwen3.block_count": config.layers,
      "qwen3.context_length": config.maxPositions,
      "qwen3.embedding_length": config.hiddenSize,
      "qwen3.feed_forward_length": config.intermediateSize,
      "qwen3.attention.head_count": config.heads,
      "qwen3.attention.head_count_kv": config.kvHeads,
      "qwen3.attention.key_length": config.headDim,
      "qwen3.attention.value_length": config.headDim,
      "general.file_type": MOSTLY_Q4_0,
    },
    floats: {
      "qwen3.attention.layer_norm_rms_epsilon": config.rmsNormEpsilon,
      "qwen3.rope.freq_base": 5_000_000,
    },
  };
}

const MOSTLY_Q4_0 = 2;

const norm = (name: string, size: number): GgufTensor => ({ name, type: "F32", sides: [size] });

const matrix = (name: string, inputs: number, outputs: number): GgufTensor => ({
  name,
  type: "Q4_0",
  sides: [inputs, outputs],
});

function tensorsOf(config: TextDecoderConfig): GgufTensor[] {
  const { hiddenSize, intermediateSize, heads, kvHeads, headDim, vocabSize, layers } = config;
  const layer = (index: number): GgufTensor[] => {
    const prefix = `blk.${index}`;
    return [
      norm(`${prefix}.attn_norm.weight`, hiddenSize),
      matrix(`${prefix}.attn_q.weight`, hiddenSize, heads * headDim),
      matrix(`${prefix}.attn_k.weight`, hiddenSize, kvHeads * headDim),
      matrix(`${prefix}.attn_v.weight`, hiddenSize, kvHeads * headDim),
      norm(`${prefix}.attn_q_norm.weight`, headDim),
      norm(`${prefix}.attn_k_norm.weight`, headDim),
      matrix(`${prefix}.attn_output.weight`, heads * headDim, hiddenSize),
      norm(`${prefix}.ffn_norm.weight`, hiddenSize),
      matrix(`${prefix}.ffn_gate.weight`, hiddenSize, intermediateSize),
      matrix(`${prefix}.ffn_up.weight`, hiddenSize, intermediateSize),
      matrix(`${prefix}.ffn_down.weight`, intermediateSize, hiddenSize),
    ];
  };
  return [
    matrix("token_embd.weight", hiddenSize, vocabSize),
    norm("output_norm.weight", hiddenSize),
    ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
  ];
}

const BLOCK_BYTES = 18;
const POOL_BLOCKS = 2 ** 20;

/** 0.004 in float16: nibbles −8 … 7 give values of deviation 0.02. */
const SCALE = 0x1c19;

/** Blocks of 32 random nibbles behind a scale. */
function randomBlocks(): Uint8Array {
  const bytes = randomFillSync(Buffer.alloc(BLOCK_BYTES * POOL_BLOCKS));
  for (let block = 0; block < POOL_BLOCKS; block++) {
    bytes.writeUInt16LE(SCALE, block * BLOCK_BYTES);
  }
  return bytes;
}

async function writeBlocks(file: FileHandle, blocks: Uint8Array, bytes: number): Promise<void> {
  for (let done = 0; done < bytes;) {
    const skipped = BLOCK_BYTES * Math.floor((Math.random() * POOL_BLOCKS) / 2);
    const piece = blocks.subarray(skipped, skipped + Math.min(bytes - done, blocks.length / 2));
    await file.write(piece);
    done += piece.length;
  }
}

async function writeOnes(file: FileHandle, ones: Uint8Array, bytes: number): Promise<void> {
  await file.write(ones, 0, bytes);
}
