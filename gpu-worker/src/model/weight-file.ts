import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

import type { TensorIndex } from "../weights/tensor-index.ts";
import type { GraphWeight } from "./graph.ts";
import type { ExternalData } from "./onnx-file.ts";
import { arrange, storedShape } from "./weight-layout.ts";

/** ONNX Runtime maps external data into memory only where it starts at a page. */
const ALIGNMENT = 4096;

/**
 * Writes the weights of all graphs into one file, each once, as float32.
 *
 * @returns where each weight lies, by its name in the graphs
 */
export async function writeWeightFile(
  path: string,
  fileName: string,
  weights: readonly GraphWeight[],
  tensors: TensorIndex,
): Promise<ReadonlyMap<string, ExternalData>> {
  const places = new Map<string, ExternalData>();
  await using file = await open(path, "w");
  let offset = 0;
  for (const weight of weights) {
    const stored = storedShape(weight);
    const data = arrange(weight, await tensors.readFloat32(weight.tensor));
    await writeAll(file, new Uint8Array(data.buffer), offset);
    places.set(weight.name, { file: fileName, offset, length: data.byteLength, shape: stored });
    offset = Math.ceil((offset + data.byteLength) / ALIGNMENT) * ALIGNMENT;
  }
  await file.sync();
  return places;
}

/** Node writes at most 2³¹ − 1 bytes a call; the embeddings of the 8B model have more in float32. */
const MAX_WRITE_BYTES = 2 ** 30;

async function writeAll(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const length = Math.min(bytes.length - done, MAX_WRITE_BYTES);
    const { bytesWritten } = await file.write(bytes, done, length, offset + done);
    done += bytesWritten;
  }
}
