import { describe, expect, it } from "vitest";

import { CheckpointError } from "../weights/checkpoint-error.ts";
import { TensorIndex } from "../weights/tensor-index.ts";
import { Graph } from "./graph.ts";
import { checkWeights } from "./weight-check.ts";

function indexOf(shapes: Readonly<Record<string, readonly number[]>>): TensorIndex {
  const entries = Object.entries(shapes).map(([name, shape]) => {
    const place = { dtype: "F32", start: 0, end: 0, path: "" } as const;
    return [name, { name, shape, ...place }] as const;
  });
  return new TensorIndex(new Map(entries));
}

const graph = new Graph();
graph.weight("a", [4, 2]);
graph.transposed({ name: "a", shape: [4, 2] });
graph.weight("b", [3]);
const weights = [...graph.parts.weights.values()];

describe("checkWeights", () => {
  it("accepts exactly the tensors of the graphs, and those known to be of no use", () => {
    const used = { a: [4, 2], b: [3] };
    expect(() => checkWeights(weights, indexOf(used))).not.toThrow();
    const known = {
      ...used,
      "lm_head.weight": [9, 9],
      "model.language_model.rotary_emb.inv_freq": [16],
    };
    expect(() => checkWeights(weights, indexOf(known))).not.toThrow();
  });

  it.each([
    ["a missing tensor", { a: [4, 2] }, "tensor b is missing"],
    ["turned sides", { a: [2, 4], b: [3] }, "tensor a: expected shape [4, 2], got [2, 4]"],
    ["another rank", { a: [4, 2], b: [3, 1] }, "tensor b: expected shape [3], got [3, 1]"],
    ["a tensor too many", { a: [4, 2], b: [3], c: [1] }, "tensor c belongs to no part"],
  ])("refuses %s", (_, shapes, message) => {
    expect(() => checkWeights(weights, indexOf(shapes))).toThrow(CheckpointError);
    expect(() => checkWeights(weights, indexOf(shapes))).toThrow(message);
  });
});
