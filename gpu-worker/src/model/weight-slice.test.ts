import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openTensorIndex } from "../weights/tensor-index.ts";
import type { TensorSlice } from "../weights/tensor-index.ts";
import { float32Entry, safetensors } from "../weights/test-safetensors.ts";
import type { GraphWeight } from "./graph-weight.ts";
import { placeWeights } from "./weight-places.ts";
import { writeSlice } from "./weight-slice.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slices-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** The weight file that these slices make of a tensor whose values count from 0. */
async function written(weight: GraphWeight, ...slices: readonly TensorSlice[]): Promise<Buffer> {
  const length = weight.shape.reduce((count, side) => count * side, 1);
  const values = Float32Array.from({ length }, (_, index) => index);
  const header = { [weight.tensor]: float32Entry(weight.shape, 0) };
  const content = safetensors(header, new Uint8Array(values.buffer));
  await writeFile(join(folder, "model.safetensors"), content);
  const tensors = await openTensorIndex(folder);

  const path = join(folder, "weights.data");
  await using file = await open(path, "w");
  for (const placed of placeWeights([weight])) {
    for (const slice of slices) {
      await writeSlice(file.fd, tensors, placed, slice);
    }
  }
  return readFile(path);
}

const FIRST = { first: 0, count: 128 };
const REST = { first: 128, count: 72 };
const ALL = { first: 0, count: 200 };

describe("writeSlice", () => {
  it.each([
    { kind: "float32" },
    { kind: "float32-columns" },
    { kind: "int8-columns" },
    { kind: "blocks", bits: 4, size: 32 },
    { kind: "blocks", bits: 8, size: 32 },
  ] as const)("writes the same file in slices, in any order, as at once: %o", async (format) => {
    const weight: GraphWeight = { tensor: "w", shape: [200, 64], layout: "published", format };
    const whole = await written(weight, ALL);
    expect(await written(weight, REST, FIRST)).toEqual(whole);
    expect(new Set(whole).size).toBeGreaterThan(10);
  });

  it("rearranges each expert of a slice", async () => {
    const format = { kind: "float32" } as const;
    const shape = [3, 4, 6];
    const weight: GraphWeight = { tensor: "w", shape, layout: "gated-experts", format };
    const whole = await written(weight, { first: 0, count: 3 });
    const sliced = await written(weight, { first: 1, count: 2 }, { first: 0, count: 1 });
    expect(sliced).toEqual(whole);
  });
});
