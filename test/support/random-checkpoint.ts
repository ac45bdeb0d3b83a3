import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import * as z from "zod";

import type { Graph } from "../../gpu-worker/src/model/graph.ts";
import { textDecoder } from "../../gpu-worker/src/model/text-decoder.ts";
import { tokenEmbeddings } from "../../gpu-worker/src/model/token-embeddings.ts";
import { visionEncoder } from "../../gpu-worker/src/model/vision-encoder.ts";
import { parseModelConfig } from "../../gpu-worker/src/weights/model-config.ts";
import { safetensors } from "../../gpu-worker/src/weights/test-safetensors.ts";
import { DENSE } from "./dense-model.ts";

/** Numbers of a checkpoint, before they are stored as anything. */
export interface Tensor {
  shape: readonly number[];
  values: Float32Array<ArrayBuffer>;
}

/** A tensor as a safetensors file has it. */
export interface StoredTensor {
  dtype: string;
  shape: readonly number[];
  bytes: Uint8Array;
}

export type Stored = ReadonlyMap<string, StoredTensor>;

const ConfigFile = z.looseObject({
  text_config: z.looseObject({}),
  vision_config: z.looseObject({}),
});
type ConfigFile = z.infer<typeof ConfigFile>;

/** The tiny dense checkpoint's configuration with other sizes of its text decoder. */
export async function configWith(text: object, more: object = {}): Promise<ConfigFile> {
  const file = ConfigFile.parse(JSON.parse(await readFile(join(DENSE, "config.json"), "utf8")));
  const text_config: Record<string, unknown> = { ...file.text_config, ...text };
  const vision_config = { ...file.vision_config, out_hidden_size: text_config["hidden_size"] };
  return { ...file, text_config, vision_config, ...more };
}

/** Random values for every weight that the model of a configuration has. */
export function randomTensors(config: ConfigFile, isOutputMajor: boolean): Map<string, Tensor> {
  const { text, vision } = parseModelConfig(JSON.stringify(config));
  const { experts } = text;
  const ordered = {
    ...text,
    experts: experts === undefined ? undefined : { ...experts, isOutputMajor },
  };
  const graphs: Graph[] = [
    textDecoder(ordered, vision.deepstackLayers.length, "fp32"),
    tokenEmbeddings(ordered, "fp32"),
    visionEncoder(vision, "fp32"),
  ];
  const weights = graphs.flatMap(({ parts }) => Array.from(parts.weights.values()));
  return new Map(
    weights
      .flatMap(({ sources }) => sources)
      .map(({ tensor, shape }, index) => [
        tensor,
        { shape, values: randomValues(shape, index + 1) },
      ]),
  );
}

/** Such that sums over a row stay near one; vectors, which scale others, stay near one themselves. */
function randomValues(shape: readonly number[], seed: number): Float32Array<ArrayBuffer> {
  const length = shape.reduce((product, side) => product * side, 1);
  const width = 2 / Math.sqrt(shape.at(-1) ?? 1);
  let state = seed * 2_654_435_761;
  return Float32Array.from({ length }, () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    const uniform = ((state ^ (state >>> 16)) >>> 0) / 2 ** 32 - 0.5;
    return shape.length === 1 ? 1 + uniform / 4 : uniform * 2 * width;
  });
}

/** Writes a checkpoint: the tiny one's other files, this configuration, these tensors in so many files. */
export async function writeCheckpoint(
  folder: string,
  config: object,
  tensors: Stored,
  shards = 1,
): Promise<void> {
  await cp(DENSE, folder, { recursive: true });
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  const names = [...tensors.keys()];
  if (shards === 1) {
    await writeFile(join(folder, "model.safetensors"), fileOf(tensors, names));
    return;
  }
  await rm(join(folder, "model.safetensors"));
  const shardOf = (index: number) => `model-${index % shards}.safetensors`;
  const weight_map = Object.fromEntries(names.map((name, index) => [name, shardOf(index)]));
  await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map }));
  for (let shard = 0; shard < shards; shard++) {
    const inShard = names.filter((_, index) => index % shards === shard);
    await writeFile(join(folder, shardOf(shard)), fileOf(tensors, inShard));
  }
}

function fileOf(tensors: Stored, names: readonly string[]): Buffer {
  let start = 0;
  const header: Record<string, object> = {};
  const parts: Uint8Array[] = [];
  for (const name of names) {
    const { dtype, shape, bytes } = tensors.get(name) ?? { dtype: "", shape: [], bytes: [] };
    header[name] = { dtype, shape, data_offsets: [start, start + bytes.length] };
    start += bytes.length;
    parts.push(Uint8Array.from(bytes));
  }
  return safetensors(header, Buffer.concat(parts));
}

export function asFloat32({ shape, values }: Tensor): StoredTensor {
  return { dtype: "F32", shape, bytes: new Uint8Array(values.buffer) };
}
