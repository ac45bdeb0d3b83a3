import { writeSync } from "node:fs";

import type { TensorIndex, TensorSlice } from "../weights/tensor-index.ts";
import { joinedShape } from "./graph-weight.ts";
import { codecOf } from "./weight-format.ts";
import { arrange } from "./weight-layout.ts";
import type { PlacedTensor, PlacedWeight } from "./weight-places.ts";

/** A slice of one of a weight's tensors. */
export interface SourceSlice {
  tensor: string;
  slice: TensorSlice;
  /** Rows of the weight before the tensor's own. */
  rowsBefore: number;
}

/**
 * Reads a slice of a checkpoint's tensor, encodes it, and writes it where it belongs.
 *
 * @param file descriptor of the weight file
 */
export async function writeSlice(
  file: number,
  tensors: TensorIndex,
  { weight, stored }: PlacedWeight,
  { tensor: name, slice, rowsBefore }: SourceSlice,
): Promise<void> {
  const [length = 1, ...sides] = joinedShape(weight);
  const values = await tensors.readFloat32(name, slice);
  const arranged = arrange(weight.layout, values, [slice.count, ...sides]);
  for (const [index, part] of codecOf(weight.format).encode(arranged, slice.count).entries()) {
    const tensor = stored[index];
    if (tensor === undefined) {
      throw new Error(`${name} is encoded as more tensors than are stored`);
    }
    const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
    writeRuns(file, bytes, tensor, {
      first: rowsBefore + slice.first,
      count: slice.count,
      of: length,
    });
  }
}

/**
 * A slice of rows is one run of bytes; where rows have become the last side, it is spread over the
 * tensor, with a run in each of its rows.
 */
function writeRuns(
  file: number,
  bytes: Uint8Array,
  { offset, length, shape, byColumn }: PlacedTensor,
  { first, count, of }: TensorSlice & { of: number },
): void {
  const runs = byColumn && count < of ? (shape[0] ?? 1) : 1;
  const runLength = bytes.length / runs;
  const start = offset + (first * length) / of / runs;
  for (let run = 0; run < runs; run++) {
    const part = bytes.subarray(run * runLength, (run + 1) * runLength);
    writeAll(file, part, start + (run * length) / runs);
  }
}

function writeAll(file: number, bytes: Uint8Array, offset: number): void {
  let done = 0;
  while (done < bytes.length) {
    done += writeSync(file, bytes, done, bytes.length - done, offset + done);
  }
}
