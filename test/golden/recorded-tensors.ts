import { readFileSync } from "node:fs";

import * as z from "zod";

const Header = z.record(
  z.string(),
  z.object({
    dtype: z.enum(["F32", "I64"]),
    shape: z.array(z.int()),
    data_offsets: z.tuple([z.int(), z.int()]),
  }),
);

export interface RecordedTensor {
  shape: readonly number[];
  /** Integers become numbers: ids and positions are far below 2^53. */
  values: Float32Array<ArrayBuffer> | Float64Array;
}

/** The tensors of an `expected.safetensors`; trusted files of ours, so nothing is checked but types. */
export function readRecordedTensors(path: string): ReadonlyMap<string, RecordedTensor> {
  const file = readFileSync(path);
  const dataStart = 8 + Number(file.readBigUInt64LE());
  const { __metadata__: _metadata, ...tensors } = z
    .looseObject({})
    .parse(JSON.parse(file.toString("utf8", 8, dataStart)));
  return new Map(
    Object.entries(Header.parse(tensors)).map(([name, { dtype, shape, data_offsets }]) => {
      const [start, end] = data_offsets;
      const bytes = new Uint8Array(file.subarray(dataStart + start, dataStart + end)).buffer;
      const values =
        dtype === "F32"
          ? new Float32Array(bytes)
          : Float64Array.from(new BigInt64Array(bytes), Number);
      return [name, { shape, values }];
    }),
  );
}
