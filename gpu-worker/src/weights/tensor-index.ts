import { open, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";

import * as z from "zod";

import { SCALE_BLOCK, assertBlockScales, multiplyBlocks, scaleNameOf } from "./block-scales.ts";
import { CheckpointError } from "./checkpoint-error.ts";
import { DTYPES } from "./dtype.ts";
import {
  HEADER_LENGTH_BYTES,
  MAX_HEADER_BYTES,
  parseSafetensorsHeader,
} from "./safetensors-header.ts";
import type { TensorEntry } from "./safetensors-header.ts";

const SINGLE_FILE = "model.safetensors";
const SHARD_INDEX = "model.safetensors.index.json";

const ShardIndex = z.object({ weight_map: z.record(z.string(), z.string()) });

interface LocatedTensor extends TensorEntry {
  path: string;
}

/** Neighbours along a tensor's first side. */
export interface TensorSlice {
  /** A multiple of `SLICE_STEP`. */
  first: number;
  count: number;
}

/** A slice of a tensor with block scales begins with a block. */
export const SLICE_STEP = SCALE_BLOCK;

/** Tensors by name, as values that cross thread borders. */
export type LocatedTensors = ReadonlyMap<string, LocatedTensor>;

/** All tensors of a checkpoint folder by name, wherever they are stored. */
export class TensorIndex {
  readonly #tensors: LocatedTensors;

  constructor(tensors: LocatedTensors) {
    this.#tensors = tensors;
  }

  /** Without the block scales, which belong to the tensors they scale. */
  get names(): readonly string[] {
    const names = [...this.#tensors.keys()];
    const scales = new Set(names.map(scaleNameOf));
    return names.filter((name) => !scales.has(name));
  }

  shapeOf(name: string): readonly number[] | undefined {
    return this.#tensors.get(name)?.shape;
  }

  /** What another thread needs to read a tensor: its place, and that of its block scales. */
  placesOf(name: string): LocatedTensors {
    const needed = new Set([name, scaleNameOf(name)]);
    return new Map([...this.#tensors].filter(([found]) => needed.has(found)));
  }

  /** Numbers in all tensors together. */
  get parameters(): number {
    return this.names.reduce((sum, name) => sum + elementsOf(this.#tensor(name).shape), 0);
  }

  /** The tensor's values as float32, row by row; those with block scales are multiplied by them. */
  async readFloat32(name: string, slice?: TensorSlice): Promise<Float32Array<ArrayBuffer>> {
    const { dtype, path, start, end, shape } = this.#tensor(name);
    const [length = 1, ...sides] = shape;
    const { first, count } = slice ?? { first: 0, count: length };
    const stepBytes = (end - start) / length;
    const bytes = await readRange(
      path,
      start + first * stepBytes,
      start + (first + count) * stepBytes,
    );
    const values = DTYPES[dtype].toFloat32(bytes);
    const scaleName = scaleNameOf(name);
    if (this.#tensors.has(scaleName)) {
      const scaleSlice = sides.length > 1 ? { first, count } : blocksOf({ first, count });
      const scales = await this.readFloat32(scaleName, scaleSlice);
      multiplyBlocks({ values, shape: [count, ...sides] }, scales);
    }
    return values;
  }

  #tensor(name: string): LocatedTensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) {
      throw new CheckpointError(`tensor ${name} is missing`);
    }
    return tensor;
  }
}

/** Rows as rows of blocks. */
function blocksOf({ first, count }: TensorSlice): TensorSlice {
  return { first: first / SCALE_BLOCK, count: Math.ceil(count / SCALE_BLOCK) };
}

function elementsOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** Reads the headers of `model.safetensors`, or of all shards of `model.safetensors.index.json`. */
export async function openTensorIndex(folder: string): Promise<TensorIndex> {
  const shards = await shardNames(folder);
  const tensors = new Map<string, LocatedTensor>();
  for (const shard of shards) {
    const path = join(folder, shard);
    for (const entry of await readHeader(path)) {
      if (tensors.has(entry.name)) {
        throw new CheckpointError(`${shard}: ${entry.name} stands in another shard already`);
      }
      tensors.set(entry.name, { ...entry, path });
    }
  }
  assertScaled(tensors);
  return new TensorIndex(tensors);
}

/** Here, and not where tensors are read: an error of another thread is no `CheckpointError` any more. */
function assertScaled(tensors: LocatedTensors): void {
  for (const [name, { dtype, shape }] of tensors) {
    const scaleName = scaleNameOf(name);
    const scale = tensors.get(scaleName);
    if (dtype === "F8_E4M3" && scale === undefined) {
      throw new CheckpointError(`tensor ${name} is ${dtype}, but ${scaleName} is missing`);
    }
    if (scale !== undefined) {
      assertBlockScales(name, shape, scale.shape);
    }
  }
}

/** Names of the files that hold the weights of a checkpoint folder. @throws CheckpointError */
export async function shardNames(folder: string): Promise<string[]> {
  const index = await readFile(join(folder, SHARD_INDEX), "utf8").catch(() => undefined);
  if (index === undefined) {
    return [SINGLE_FILE];
  }
  const names = new Set(Object.values(parseShardIndex(index).weight_map));
  for (const name of names) {
    if (name !== basename(name) || !name.endsWith(".safetensors")) {
      throw new CheckpointError(
        `${SHARD_INDEX}: ${JSON.stringify(name)} is not a file of the folder`,
      );
    }
  }
  return [...names].toSorted();
}

function parseShardIndex(json: string): z.infer<typeof ShardIndex> {
  try {
    return ShardIndex.parse(JSON.parse(json));
  } catch (cause) {
    throw new CheckpointError(`${SHARD_INDEX} is damaged`, { cause });
  }
}

async function readHeader(path: string): Promise<TensorEntry[]> {
  const name = basename(path);
  const fileBytes = await sizeOf(path);
  if (fileBytes < HEADER_LENGTH_BYTES) {
    throw new CheckpointError(`${name}: ${fileBytes} bytes are no safetensors file`);
  }
  const length = Buffer.from(await readRange(path, 0, HEADER_LENGTH_BYTES)).readBigUInt64LE();
  if (length > MAX_HEADER_BYTES || HEADER_LENGTH_BYTES + Number(length) > fileBytes) {
    throw new CheckpointError(
      `${name}: a header of ${length} bytes in a file of ${fileBytes}, at most ${MAX_HEADER_BYTES} allowed`,
    );
  }
  const header = await readRange(path, HEADER_LENGTH_BYTES, HEADER_LENGTH_BYTES + Number(length));
  return parseSafetensorsHeader(name, decodeUtf8(name, header), fileBytes);
}

/** Strictly: a byte replaced by another would shift the place of every tensor behind the header. */
function decodeUtf8(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new CheckpointError(`${name}: the safetensors header is not UTF-8`, { cause });
  }
}

/** Node reads and writes at most 2³¹ − 1 bytes a call; the embeddings of the largest models have more. */
const MAX_READ_BYTES = 2 ** 30;

async function sizeOf(path: string): Promise<number> {
  const status = await stat(path).catch(() => undefined);
  if (status?.isFile() !== true) {
    throw new CheckpointError(`${basename(path)} is missing`);
  }
  return status.size;
}

async function readRange(path: string, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  await using file = await open(path);
  let done = 0;
  while (done < bytes.length) {
    const length = Math.min(bytes.length - done, MAX_READ_BYTES);
    const { bytesRead } = await file.read(bytes, done, length, start + done);
    if (bytesRead === 0) {
      throw new CheckpointError(`${basename(path)} ends at byte ${start + done}, expected ${end}`);
    }
    done += bytesRead;
  }
  return bytes;
}
