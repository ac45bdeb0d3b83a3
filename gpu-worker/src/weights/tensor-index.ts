import { open, readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";

import * as z from "zod";

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

/** All tensors of a checkpoint folder by name, wherever they are stored. */
export class TensorIndex {
  readonly #tensors: ReadonlyMap<string, LocatedTensor>;

  constructor(tensors: ReadonlyMap<string, LocatedTensor>) {
    this.#tensors = tensors;
  }

  get names(): readonly string[] {
    return [...this.#tensors.keys()];
  }

  shapeOf(name: string): readonly number[] | undefined {
    return this.#tensors.get(name)?.shape;
  }

  /** The tensor's values as float32, row by row. */
  async readFloat32(name: string): Promise<Float32Array<ArrayBuffer>> {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) {
      throw new CheckpointError(`tensor ${name} is missing`);
    }
    return DTYPES[tensor.dtype].toFloat32(await readRange(tensor.path, tensor.start, tensor.end));
  }
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
  return new TensorIndex(tensors);
}

async function shardNames(folder: string): Promise<string[]> {
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
  const fileBytes = await stat(path).then(
    ({ size }) => size,
    () => {
      throw new CheckpointError(`${name} is missing`);
    },
  );
  if (fileBytes < HEADER_LENGTH_BYTES) {
    throw new CheckpointError(`${name}: ${fileBytes} bytes are no safetensors file`);
  }
  const length = Buffer.from(await readRange(path, 0, HEADER_LENGTH_BYTES)).readBigUInt64LE();
  if (length > MAX_HEADER_BYTES || HEADER_LENGTH_BYTES + Number(length) > fileBytes) {
    throw new CheckpointError(`${name}: a header of ${length} bytes in a file of ${fileBytes}`);
  }
  const header = await readRange(path, HEADER_LENGTH_BYTES, HEADER_LENGTH_BYTES + Number(length));
  return parseSafetensorsHeader(name, Buffer.from(header).toString("utf8"), fileBytes);
}

async function readRange(path: string, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - start);
  await using file = await open(path);
  let done = 0;
  while (done < bytes.length) {
    const { bytesRead } = await file.read(bytes, done, bytes.length - done, start + done);
    if (bytesRead === 0) {
      throw new CheckpointError(`${basename(path)} ends at byte ${start + done}, expected ${end}`);
    }
    done += bytesRead;
  }
  return bytes;
}
