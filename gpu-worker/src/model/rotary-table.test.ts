import { expect, it } from "vitest";

import { inverseFrequencies, rotaryTable } from "./rotary-table.ts";

it("spreads frequencies from one down to nearly 1 / theta", () => {
  const frequencies = inverseFrequencies(10_000, 4);
  expect([...frequencies].map((value) => Number(value.toFixed(6)))).toEqual([1, 0.1, 0.01, 0.001]);
});

it("tabulates cosine and sine of each position from 0", () => {
  const frequencies = Float32Array.of(1, 0.5);
  const { cos, sin, rows, pairs } = rotaryTable({ frequencies, scale: 1 }, 3);
  expect([rows, pairs]).toEqual([3, 2]);
  expect(cos).toEqual(Float32Array.of(1, 1, Math.cos(1), Math.cos(0.5), Math.cos(2), Math.cos(1)));
  expect(sin).toEqual(Float32Array.of(0, 0, Math.sin(1), Math.sin(0.5), Math.sin(2), Math.sin(1)));
});
