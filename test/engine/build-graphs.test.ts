import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openCheckpoint } from "../../gpu-worker/src/checkpoint.ts";
import { buildGraphs } from "../../gpu-worker/src/model/build-graphs.ts";
import { TensorIndex } from "../../gpu-worker/src/weights/tensor-index.ts";
import { DENSE } from "../support/dense-model.ts";

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "graphs-"));
});
afterEach(() => rm(cache, { recursive: true }));

/** Names and times of all files of a folder. */
async function filesOf(folder: string): Promise<Record<string, number>> {
  const names = await readdir(folder);
  const times = await Promise.all(
    names.map(async (name) => [name, (await stat(join(folder, name))).mtimeMs] as const),
  );
  return Object.fromEntries(times);
}

describe("buildGraphs", () => {
  it("writes three graphs and one file of weights, and reuses them without reading a tensor", async () => {
    const folder = join(cache, "dense");
    const checkpoint = await openCheckpoint(DENSE);
    const graphs = await buildGraphs(checkpoint, folder);
    const files = await filesOf(folder);
    expect(Object.keys(files)).toEqual([
      "decoder.onnx",
      "embedder.onnx",
      "vision.onnx",
      "weights.data",
    ]);
    const withoutTensors = { ...checkpoint, tensors: new TensorIndex(new Map()) };
    expect(await buildGraphs(withoutTensors, folder)).toEqual(graphs);
    expect(await filesOf(folder)).toEqual(files);
  });

  it("leaves no folder behind that could be taken for a finished one when it fails", async () => {
    const checkpoint = await openCheckpoint(DENSE);
    const broken = { ...checkpoint, tensors: new TensorIndex(new Map()) };
    await expect(buildGraphs(broken, join(cache, "dense"))).rejects.toThrow("is missing");
    expect(await readdir(cache)).toEqual([]);
  });
});
