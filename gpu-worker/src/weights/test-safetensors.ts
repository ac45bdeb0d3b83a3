/** Bytes of a safetensors file; the header may say anything. */
export function safetensors(header: unknown, data: Uint8Array): Buffer {
  return withHeader(Buffer.from(JSON.stringify(header)), data);
}

export function withHeader(header: Uint8Array, data: Uint8Array, length = header.length): Buffer {
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(length));
  return Buffer.concat([prefix, header, data]);
}

/** A header's entry of a float32 tensor that begins at a byte of the data. */
export function float32Entry(shape: readonly number[], start: number) {
  const bytes = shape.reduce((product, side) => product * side, 4);
  return { dtype: "F32", shape, data_offsets: [start, start + bytes] };
}
