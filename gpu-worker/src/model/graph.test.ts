import { describe, expect, it } from "vitest";

import { Graph, float } from "./graph.ts";

describe("Graph", () => {
  it("names weights as the checkpoint does, by the path of their scope", () => {
    const graph = new Graph();
    const layer = graph.scope("model").scope("layers").scope(0).scope("mlp");
    expect(layer.weight("weight", [4, 2])).toBe("model.layers.0.mlp.weight");
    expect(graph.weight("top", [1])).toBe("top");
    expect([...graph.parts.weights]).toContainEqual([
      "model.layers.0.mlp.weight",
      {
        sources: [{ tensor: "model.layers.0.mlp.weight", shape: [4, 2] }],
        layout: "published",
        format: { kind: "float32" },
      },
    ]);
  });

  it("stores a weight once however often it is used, but apart for each format", () => {
    const graph = new Graph();
    const names = [
      graph.weight("w", [4, 2]),
      graph.weight("w", [4, 2]),
      graph.transposed({ name: "w", shape: [4, 2] }),
    ];
    expect(names).toEqual(["w", "w", "w/float32-columns"]);
    expect([...graph.parts.weights.keys()]).toEqual(["w", "w/float32-columns"]);
  });

  it("stores a quantised weight as quants and scales, seen in the sides that the graph wants", () => {
    const graph = new Graph("int4");
    const format = { kind: "blocks", bits: 4, size: 32 } as const;
    const source = { name: "w", shape: [3, 64] };
    const names = graph.quantised([source], { format, quantsShape: [3, 2, 16] });
    expect(names).toEqual({ quants: "w/int4-by-32", scales: "w/int4-by-32/scales" });
    expect([...graph.parts.initialisers.values()]).toMatchObject([
      { name: "w/int4-by-32", type: "uint8", shape: [3, 2, 16] },
      { name: "w/int4-by-32/scales", type: "float32", shape: [3, 2] },
    ]);
    expect(graph.scope("a").precision).toBe("int4");
  });

  it("stores tensors that are read together as one, with the zeros of its blocks", () => {
    const graph = new Graph("int4").scope("a");
    const sources = [
      { name: "q", shape: [3, 64] },
      { name: "k", shape: [1, 64] },
    ];
    const { zeros } = graph.quantised(sources, { format: { kind: "offset-blocks", size: 32 } });
    expect([...graph.parts.initialisers.values()]).toMatchObject([
      { name: "a.q+a.k/uint4-by-32", type: "uint8", shape: [4, 32] },
      { name: "a.q+a.k/uint4-by-32/scales", type: "float32", shape: [4, 2] },
      { name: zeros, type: "uint8", shape: [4, 1] },
    ]);
  });

  it("gives every node of all scopes its own values", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", ["S", 2]);
    const inner = graph.scope("a");
    const values = [graph.op("Add", [x, x]), inner.op("Add", [x, x]), inner.op("Add", [x, x])];
    const split = graph.ops("Split", [x], 3, { axis: -1 });
    expect(new Set([...values, ...split]).size).toBe(6);
    expect(graph.parts.nodes.map(({ op }) => op)).toEqual(["Add", "Add", "Add", "Split"]);
    expect(graph.parts.nodes.at(-1)).toMatchObject({ outputs: split, attributes: { axis: -1 } });
  });

  it("shares constants of the same values", () => {
    const graph = new Graph();
    expect(graph.int64(0, -1)).toBe(graph.scope("a").int64(0, -1));
    expect(graph.int64(0)).not.toBe(graph.int64(1));
    expect([...graph.parts.constants.values()].map(({ values }) => values)).toEqual([
      BigInt64Array.of(0n, -1n),
      BigInt64Array.of(0n),
      BigInt64Array.of(1n),
    ]);
  });

  it("gives outputs the names that the runtime binds", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", [2]);
    graph.output("y", graph.op("Relu", [x]), "float32", [2]);
    const ports = [{ name: "present", type: "float32", shape: [2] }] as const;
    const attended = graph.namedOps("Attention", [x], ports, { scale: float(1) });
    expect(graph.parts.outputs.map(({ name }) => name)).toEqual(["y", "present"]);
    expect(graph.parts.nodes.at(-1)?.outputs).toEqual([attended, "present"]);
  });

  it("scans rows with a graph of its own, over the weights and names of all", () => {
    const graph = new Graph();
    const x = graph.input("x", "float32", ["n", 2]);
    const outside = graph.op("Relu", [x]);
    const { sum } = graph.scope("a").scan({ row: outside }, (body, { row }) => ({
      sum: body.op("Add", [row, body.weight("w", [2])]),
    }));
    const scan = graph.parts.nodes.at(-1);
    expect(graph.parts.nodes.map(({ op }) => op)).toEqual(["Relu", "Scan"]);
    expect(scan).toMatchObject({ inputs: [outside], outputs: [sum] });
    const body = scan?.attributes["body"];
    expect(body).toMatchObject({
      nodes: [{ op: "Add", inputs: [expect.any(String), "a.w"] }],
      inputs: [expect.any(String)],
    });
    expect([...graph.parts.weights.keys()]).toEqual(["a.w"]);
    const next = graph.op("Add", [sum, sum]);
    expect(JSON.stringify(body)).not.toContain(JSON.stringify(next));
  });
});
