/** Element types of safetensors that a checkpoint may hold, and how each becomes float32. */
export const DTYPES = {
  F32: { bytes: 4, toFloat32: fromFloat32 },
  F16: { bytes: 2, toFloat32: fromFloat16 },
  BF16: { bytes: 2, toFloat32: fromBfloat16 },
  F8_E4M3: { bytes: 1, toFloat32: fromFloat8 },
} as const;

export type Dtype = keyof typeof DTYPES;

export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(DTYPES, name);
}

function fromFloat32(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  return new Float32Array(new Uint8Array(bytes).buffer);
}

/** A bfloat16 is the upper half of a float32. */
function fromBfloat16(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const halves = asUint16(bytes);
  const words = new Uint32Array(halves.length);
  for (let index = 0; index < halves.length; index++) {
    words[index] = (halves[index] ?? 0) << 16; // an iterator takes five times as long
  }
  return new Float32Array(words.buffer);
}

function fromFloat16(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(asUint16(bytes), float16Value);
}

function float16Value(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) {
    return sign * fraction * 2 ** -24;
  }
  if (exponent === 0x1f) {
    return fraction === 0 ? sign * Infinity : NaN;
  }
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function fromFloat8(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bytes.length);
  for (const [index, byte] of bytes.entries()) {
    values[index] = FLOAT8_VALUES[byte] ?? NaN;
  }
  return values;
}

/** E4M3 as OCP defines it: no infinities, and all ones is NaN. */
const FLOAT8_VALUES = Float32Array.from({ length: 256 }, (_, byte) => {
  const sign = byte & 0x80 ? -1 : 1;
  const exponent = (byte >> 3) & 0xf;
  const fraction = byte & 0x7;
  if (exponent === 0xf && fraction === 0x7) {
    return NaN;
  }
  return exponent === 0 ? sign * fraction * 2 ** -9 : sign * (8 + fraction) * 2 ** (exponent - 10);
});

function asUint16(bytes: Uint8Array): Uint16Array {
  return bytes.byteOffset % 2 === 0
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
    : new Uint16Array(new Uint8Array(bytes).buffer);
}
