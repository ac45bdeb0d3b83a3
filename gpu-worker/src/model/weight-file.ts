import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

import type { TensorIndex } from "../weights/tensor-index.ts";
import type { GraphWeight } from "./graph.ts";
import type { ExternalData } from "./onnx-file.ts";

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
    const values = await tensors.readFloat32(weight.tensor);
    const data = weight.layout === "transposed" ? transpose(values, stored) : values;
    await writeAll(file, new Uint8Array(data.buffer), offset);
    places.set(weight.name, { file: fileName, offset, length: data.byteLength, shape: stored });
    offset = Math.ceil((offset + data.byteLength) / ALIGNMENT) * ALIGNMENT;
  }
  await file.sync();
  return places;
}

/** A transposed weight is a matrix: all sides but the first are its columns. */
function storedShape({ layout, shape }: GraphWeight): readonly number[] {
  if (layout === "published") {
    return shape;
  }
  const [rows = 1, ...rest] = shape;
  return [rest.reduce((product, side) => product * side, 1), rows];
}

/** Side of the square blocks that are transposed at once, so that both sides stay in the cache. */
const BLOCK = 32;

/** [rows, columns] → [columns, rows] */
export function transpose(
  values: Float32Array,
  [columns = 1, rows = 1]: readonly number[],
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(values.length);
  for (let top = 0; top < rows; top += BLOCK) {
    const bottom = Math.min(top + BLOCK, rows);
    for (let column = 0; column < columns; column++) {
      for (let row = top; row < bottom; row++) {
        result[column * rows + row] = values[row * columns + column] ?? 0;
      }
    }
  }
  return result;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, offset + done);
    done += bytesWritten;
  }
}
