import { expect, it } from "vitest";

import { DTYPES, isDtype } from "./dtype.ts";

/** Little-endian 16-bit words, from an odd byte on, as a tensor may lie in a file's bytes. */
function words(...values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(1 + 2 * values.length);
  for (const [index, value] of values.entries()) {
    bytes.writeUInt16LE(value, 1 + 2 * index);
  }
  return bytes.subarray(1);
}

it("reads float32 as it is, at any offset", () => {
  const bytes = Buffer.alloc(9);
  bytes.writeFloatLE(-1.5, 1);
  bytes.writeFloatLE(3e38, 5);
  expect(DTYPES.F32.toFloat32(bytes.subarray(1))).toEqual(Float32Array.of(-1.5, 3e38));
});

it("reads bfloat16 exactly", () => {
  const bytes = words(0x0000, 0x8000, 0x3f80, 0xc049, 0x7f80, 0x0001);
  const values = Float32Array.of(0, -0, 1, -3.140625, Infinity, 2 ** -133);
  expect(DTYPES.BF16.toFloat32(bytes)).toEqual(values);
});

it("reads float16 exactly, with its subnormals, infinities and NaN", () => {
  const bytes = words(0x0000, 0x8000, 0x3c00, 0xc248, 0x7bff, 0x0001, 0x83ff, 0xfc00, 0x7e00);
  expect(DTYPES.F16.toFloat32(bytes)).toEqual(
    Float32Array.of(0, -0, 1, -3.140625, 65_504, 2 ** -24, -1023 * 2 ** -24, -Infinity, NaN),
  );
});

it("knows no other type, nor a name that every object has", () => {
  expect(["F32", "F16", "BF16"].every(isDtype)).toBe(true);
  expect(["I64", "f32", "constructor", "__proto__", ""].some(isDtype)).toBe(false);
});
