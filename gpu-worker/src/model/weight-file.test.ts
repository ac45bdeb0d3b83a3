import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, it } from "vitest";

import { openTensorIndex } from "../weights/tensor-index.ts";
import { float32Entry, safetensors } from "../weights/test-safetensors.ts";
import { Graph } from "./graph.ts";
import { writeWeightFile } from "./weight-file.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "weights-"));
});
afterEach(() => rm(folder, { recursive: true }));

it("writes each weight once, from a page on, in the layout that its graph wants", async () => {
  const values = Float32Array.from({ length: 2 * 3 * 1 + 2000 }, (_, index) => index);
  const header = { a: float32Entry([2, 3, 1], 0), b: float32Entry([2000], 24) };
  const bytes = new Uint8Array(values.buffer);
  await writeFile(join(folder, "model.safetensors"), safetensors(header, bytes));

  const graph = new Graph();
  graph.weight("b", [2000]);
  graph.weight("a", [2, 3, 1]);
  graph.transposed({ name: "a", shape: [2, 3, 1] });
  const weights = [...graph.parts.weights.values()];
  const progress: [number, number][] = [];
  const path = join(folder, "weights.data");
  const places = await writeWeightFile(
    path,
    "weights.data",
    { weights, tensors: await openTensorIndex(folder) },
    { threads: 2, onProgress: (...told) => progress.push(told) },
  );

  expect([...places]).toEqual([
    ["b", { file: "weights.data", offset: 0, length: 8000 }],
    ["a", { file: "weights.data", offset: 8192, length: 24 }],
    ["a/float32-columns", { file: "weights.data", offset: 12_288, length: 24 }],
  ]);
  expect(progress).toHaveLength(3);
  expect(progress.at(-1)).toEqual([8048, 8048]);
  const written = await readFile(path);
  const floats = (offset: number, count: number) =>
    Array.from({ length: count }, (_, index) => written.readFloatLE(offset + 4 * index));
  expect(floats(0, 2)).toEqual([6, 7]);
  expect(floats(8192, 6)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(floats(12_288, 6)).toEqual([0, 3, 1, 4, 2, 5]);
});

it("writes tensors that are read as one row after row, also where rows become columns", async () => {
  const values = Float32Array.from({ length: 10 }, (_, index) => index);
  const header = { a: float32Entry([3, 2], 0), b: float32Entry([2, 2], 24) };
  await writeFile(
    join(folder, "model.safetensors"),
    safetensors(header, new Uint8Array(values.buffer)),
  );
  const graph = new Graph();
  graph.transposed({ name: "a", shape: [3, 2] }, { name: "b", shape: [2, 2] });
  const progress: number[] = [];
  const path = join(folder, "weights.data");
  const places = await writeWeightFile(
    path,
    "weights.data",
    { weights: [...graph.parts.weights.values()], tensors: await openTensorIndex(folder) },
    { threads: 2, onProgress: (done) => progress.push(done) },
  );

  const place = { file: "weights.data", offset: 0, length: 40 };
  expect([...places]).toEqual([["a+b/float32-columns", place]]);
  expect(progress.at(-1)).toBe(40);
  const written = await readFile(path);
  const floats = Array.from({ length: 10 }, (_, index) => written.readFloatLE(4 * index));
  expect(floats).toEqual([0, 2, 4, 6, 8, 1, 3, 5, 7, 9]);
});
