import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

/** GGML's names of how a tensor is stored, with its code and what a block of neighbours takes. */
const GGML_TYPES = {
  F32: { code: 0, values: 1, bytes: 4 },
  Q4_0: { code: 2, values: 32, bytes: 18 },
} as const;

export interface GgufTensor {
  name: string;
  type: keyof typeof GGML_TYPES;
  /** Sides, the innermost first. */
  sides: readonly number[];
}

export interface GgufMetadata {
  strings: Readonly<Record<string, string>>;
  lists: Readonly<Record<string, readonly string[]>>;
  counts: Readonly<Record<string, number>>;
  floats: Readonly<Record<string, number>>;
}

/** Writes so many bytes of a tensor's content. */
export type WriteTensor = (file: FileHandle, tensor: GgufTensor, bytes: number) => Promise<void>;

const MAGIC = 0x46554747; // "GGUF"
const VERSION = 3;

/** GGUF's default: every tensor starts at a multiple of it. */
const ALIGNMENT = 32;

/** GGUF's codes of the types of metadata. */
const VALUE = { uint32: 4, float32: 6, string: 8, array: 9 } as const;

/** Writes a file as llama.cpp reads it: a header that names everything, then the tensors in turn. */
export async function writeGguf(
  path: string,
  metadata: GgufMetadata,
  tensors: readonly GgufTensor[],
  writeTensor: WriteTensor,
): Promise<void> {
  await using file = await open(path, "w");
  const header = encodeHeader(metadata, tensors);
  await file.write(header);
  await pad(file, header.length);
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor);
    await writeTensor(file, tensor, bytes);
    await pad(file, bytes);
  }
}

function bytesOf({ type, sides }: GgufTensor): number {
  const { values, bytes } = GGML_TYPES[type];
  return (sides.reduce((product, side) => product * side, 1) / values) * bytes;
}

const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

async function pad(file: FileHandle, bytes: number): Promise<void> {
  await file.write(new Uint8Array(aligned(bytes) - bytes));
}

function encodeHeader(
  { strings, lists, counts, floats }: GgufMetadata,
  tensors: readonly GgufTensor[],
): Buffer {
  const entries = [
    ...Object.entries(strings).map(([key, value]) => entry(key, "string", text(value))),
    ...Object.entries(lists).map(([key, values]) => entry(key, "array", list(values))),
    ...Object.entries(counts).map(([key, value]) => entry(key, "uint32", uint32(value))),
    ...Object.entries(floats).map(([key, value]) => entry(key, "float32", float32(value))),
  ];
  let offset = 0;
  const places: Buffer[] = [];
  for (const tensor of tensors) {
    const { name, sides, type } = tensor;
    places.push(text(name), uint32(sides.length), ...sides.map(uint64));
    places.push(uint32(GGML_TYPES[type].code), uint64(offset));
    offset += aligned(bytesOf(tensor));
  }
  const lengths = [uint64(tensors.length), uint64(entries.length)];
  return Buffer.concat([uint32(MAGIC), uint32(VERSION), ...lengths, ...entries, ...places]);
}

function entry(key: string, type: keyof typeof VALUE, value: Buffer): Buffer {
  return Buffer.concat([text(key), uint32(VALUE[type]), value]);
}

function list(values: readonly string[]): Buffer {
  return Buffer.concat([uint32(VALUE.string), uint64(values.length), ...values.map(text)]);
}

const text = (value: string) =>
  Buffer.concat([uint64(Buffer.byteLength(value)), Buffer.from(value)]);

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}
