import { describe, expect, it } from "vitest";

import {
  quantiseRows,
  quantiseTo4Bits,
  quantiseTo4BitsWithZeros,
  quantiseTo8Bits,
} from "./quantise.ts";

/** Normally distributed around 0 with deviation 1, the same in every run. */
function normalValues(length: number): Float32Array {
  let state = 1;
  const uniform = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  return Float32Array.from(
    { length },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
}

function nibbles(quants: Uint8Array): number[] {
  return Array.from(quants).flatMap((byte) => [(byte & 15) - 8, (byte >> 4) - 8]);
}

function restored(quants: readonly number[], scales: Float32Array): number[] {
  const perScale = quants.length / scales.length;
  return quants.map((quant, index) => quant * (scales[Math.floor(index / perScale)] ?? NaN));
}

function meanSquareError(values: Float32Array, others: readonly number[]): number {
  return (
    values.reduce((sum, value, index) => sum + (value - (others[index] ?? NaN)) ** 2, 0) /
    values.length
  );
}

/** Steps of a scale between a value and its quant; the largest of all. */
function largestSteps(values: Float32Array, quants: readonly number[], scales: Float32Array) {
  const perScale = quants.length / scales.length;
  const steps = restored(quants, scales).map(
    (value, index) =>
      Math.abs(value - (values[index] ?? NaN)) / (scales[Math.floor(index / perScale)] ?? NaN),
  );
  return Math.max(...steps.map(Math.abs));
}

describe("quantiseTo4Bits", () => {
  it("puts the first of two values into the low nibble and keeps what fits exactly", () => {
    const values = Float32Array.from({ length: 16 }, (_, index) => index - 8);
    const { quants, scales } = quantiseTo4Bits(values, 16);
    expect([...scales]).toEqual([1]);
    expect(quants[0]).toBe(0x10);
    expect(nibbles(quants)).toEqual([...values]);
  });

  it("meets an extreme of either sign", () => {
    const values = new Float32Array(32);
    values[5] = 0.75;
    const { quants, scales } = quantiseTo4Bits(values, 32);
    expect(restored(nibbles(quants), scales)[5]).toBeCloseTo(0.75, 6);
    values[5] = -0.75;
    const opposite = quantiseTo4Bits(values, 32);
    expect(restored(nibbles(opposite.quants), opposite.scales)[5]).toBeCloseTo(-0.75, 6);
  });

  it("loses a tenth less than with the extreme at −8 alone", () => {
    const values = normalValues(32 * 2000);
    const { quants, scales } = quantiseTo4Bits(values, 32);
    const error = meanSquareError(values, restored(nibbles(quants), scales));
    const plain = Array.from({ length: 2000 }, (_, block) => {
      const row = values.subarray(32 * block, 32 * (block + 1));
      const extreme = row.reduce((far, value) => (Math.abs(value) > Math.abs(far) ? value : far));
      const scale = extreme / -8;
      return Array.from(row, (value) => Math.min(7, Math.round(value / scale)) * scale);
    }).flat();
    expect(error).toBeLessThan(0.92 * meanSquareError(values, plain));
    expect(error).toBeLessThan(0.0075);
  });

  it("keeps zeros", () => {
    const { quants, scales } = quantiseTo4Bits(new Float32Array(64), 32);
    expect([...scales]).toEqual([0, 0]);
    expect(new Set(nibbles(quants))).toEqual(new Set([0]));
  });
});

/** Blocks of `size` with their zeros, in rows of `columns`. */
function restoredWithZeros(
  { quants, scales, zeros }: ReturnType<typeof quantiseTo4BitsWithZeros>,
  size: number,
  columns: number,
): number[] {
  const perRow = columns / size;
  return nibbles(quants).map((fromEight, index) => {
    const block = Math.floor(index / size);
    const column = block % perRow;
    const byte = zeros[Math.floor(block / perRow) * Math.ceil(perRow / 2) + (column >> 1)] ?? NaN;
    const zero = column % 2 === 0 ? byte & 15 : byte >> 4;
    return (fromEight + 8 - zero) * (scales[block] ?? NaN);
  });
}

describe("quantiseTo4BitsWithZeros", () => {
  it("keeps blocks on one side of zero as well as those around it", () => {
    const values = Float32Array.from({ length: 96 }, (_, index) => {
      const step = index % 16;
      return index < 32 ? step : index < 64 ? -step : step - 5;
    });
    const quantised = quantiseTo4BitsWithZeros(values, 32, 96);
    expect([...quantised.zeros]).toEqual([0xf0, 0x05]); // a row of three blocks takes two bytes
    for (const [index, value] of restoredWithZeros(quantised, 32, 96).entries()) {
      expect(value).toBeCloseTo(values[index] ?? NaN, 5);
    }
  });

  it("loses less than blocks without zeros, the more so the less even the values are", () => {
    const values = normalValues(32 * 2000);
    const uneven = values.map((value) => value * Math.abs(value));
    for (const [tried, most] of [
      [values, 0.94],
      [uneven, 0.8],
    ] as const) {
      const plain = quantiseTo4Bits(tried, 32);
      const without = meanSquareError(tried, restored(nibbles(plain.quants), plain.scales));
      const quantised = quantiseTo4BitsWithZeros(tried, 32, 64);
      const error = meanSquareError(tried, restoredWithZeros(quantised, 32, 64));
      expect(error).toBeLessThan(most * without);
    }
  });

  it("keeps zeros", () => {
    const quantised = quantiseTo4BitsWithZeros(new Float32Array(64), 32, 64);
    expect([...quantised.scales]).toEqual([0, 0]);
    expect(new Set(restoredWithZeros(quantised, 32, 64))).toEqual(new Set([0]));
  });
});

describe("quantiseTo8Bits", () => {
  it("is at most half a step of its block away", () => {
    const values = normalValues(320);
    const { quants, scales } = quantiseTo8Bits(values, 32);
    const centred = Array.from(quants, (byte) => byte - 128);
    expect(largestSteps(values, centred, scales)).toBeLessThan(0.5001);
    expect(Math.max(...centred.map(Math.abs))).toBe(127);
  });

  it("keeps zeros", () => {
    expect(new Set(quantiseTo8Bits(new Float32Array(32), 32).quants)).toEqual(new Set([128]));
  });
});

describe("quantiseRows", () => {
  it("is at most half a step of its row away and never beyond 63", () => {
    const values = normalValues(10 * 48);
    const { quants, scales } = quantiseRows(values, 48);
    expect(scales).toHaveLength(10);
    expect(largestSteps(values, Array.from(quants), scales)).toBeLessThan(0.5001);
    expect(Math.max(...Array.from(quants, Math.abs))).toBe(63);
  });
});
