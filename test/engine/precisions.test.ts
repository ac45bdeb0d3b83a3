import { describe, expect, it } from "vitest";

import type { ModelRow } from "../../gpu-worker/src/engine/model.ts";
import { mixtureOfExperts } from "../../gpu-worker/src/model/experts.ts";
import { Graph } from "../../gpu-worker/src/model/graph.ts";
import {
  joinedLinear,
  linear,
  tableProduct,
  tableRows,
} from "../../gpu-worker/src/model/layers.ts";
import { ROW_MULTIPLE } from "../../gpu-worker/src/model/precision.ts";
import type { Precision } from "../../gpu-worker/src/model/precision.ts";
import {
  DENSE,
  MIXTURE,
  SLOTS,
  openDenseModel,
  textRow,
  tokensOf,
} from "../support/dense-model.ts";
import { runGraph } from "../support/run-graph.ts";
import type { Values } from "../support/run-graph.ts";

/** Values around 0 that look random and are the same in every run. */
function randomValues(seed: number, ...shape: readonly number[]): Values {
  const length = shape.reduce((count, side) => count * side, 1);
  let state = seed;
  const next = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647 - 0.5;
  };
  return { data: Float32Array.from({ length }, () => next() + next() + next()), shape };
}

/** x [rows, in] · w [out, in]ᵀ in float64. */
function product(x: Values, w: Values): number[] {
  const [rows = 1, width = 1] = x.shape;
  const [out = 1] = w.shape;
  return Array.from({ length: rows * out }, (_, index) => {
    const row = Math.floor(index / out) * width;
    const column = (index % out) * width;
    let sum = 0;
    for (let k = 0; k < width; k++) {
      sum += (x.data[row + k] ?? NaN) * (w.data[column + k] ?? NaN);
    }
    return sum;
  });
}

/** Length of the difference, relative to the length of the expected values. */
function distance(actual: Float32Array, expected: ArrayLike<number>): number {
  const difference = actual.map((value, index) => value - (expected[index] ?? NaN));
  return Math.hypot(...difference) / Math.hypot(...Array.from(expected));
}

async function runLinear(precision: Precision, width: number, out: number) {
  const x = randomValues(3, 5, width);
  const w = randomValues(7, out, width);
  const graph = new Graph(precision);
  const input = graph.input("x", "float32", ["S", width]);
  const y = linear(graph.scope("layer"), input, { in: width, out });
  graph.output("y", y, "float32", ["S", out]);
  const actual = await runGraph(graph, {
    weights: { "layer.weight": w },
    inputs: { x },
    output: { name: "y", shape: [5, out] },
  });
  return { distance: distance(actual, product(x, w)), ops: opsOf(graph) };
}

const opsOf = (graph: Graph) => new Set(graph.parts.nodes.map(({ op }) => op));

describe("linear", () => {
  it.each([
    { precision: "fp32", width: 64, op: "MatMul", most: 1e-6 },
    { precision: "int8", width: 64, op: "MatMulIntegerToFloat", most: 0.015 },
    { precision: "int8", width: 48, op: "MatMulIntegerToFloat", most: 0.015 },
    { precision: "int4", width: 64, op: "MatMulNBits", most: 0.1 },
    { precision: "int4", width: 160, op: "MatMulNBits", most: 0.1 },
    { precision: "int4", width: 1024, op: "MatMulNBits", most: 0.1 },
    { precision: "int4", width: 48, op: "MatMulIntegerToFloat", most: 0.015 },
  ] as const)(
    "at $precision over rows of $width is $op, near the exact product",
    async ({ precision, width, op, most }) => {
      const result = await runLinear(precision, width, 40);
      expect(result.ops).toContain(op);
      expect(result.distance).toBeLessThan(most);
      expect(result.distance).toBeGreaterThan(most / 1000);
    },
  );

  it.each([
    { precision: "int8", width: 64 },
    { precision: "int8", width: 1024 },
    { precision: "int4", width: 64 },
    { precision: "int4", width: 1024 },
  ] as const)(
    "at $precision over rows of $width gives each row the same among any number of others that a run has",
    async ({ precision, width }) => {
      const out = 40;
      const most = 18;
      const all = randomValues(3, most, width);
      const graph = new Graph(precision);
      const input = graph.input("x", "float32", ["S", width]);
      graph.output("y", linear(graph, input, { in: width, out }), "float32", ["S", out]);
      const weights = { weight: randomValues(7, out, width) };
      const firstRows = (rows: number) => {
        const x = { data: all.data.slice(0, rows * width), shape: [rows, width] };
        return runGraph(graph, {
          weights,
          inputs: { x },
          output: { name: "y", shape: [rows, out] },
        });
      };
      const expected = await firstRows(most);
      const step = ROW_MULTIPLE[precision];
      for (let rows: number = step; rows < most; rows += step) {
        expect(await firstRows(rows)).toEqual(expected.slice(0, rows * out));
      }
    },
  );

  it("at int8 keeps a row of zeros, and rows of very different size apart", async () => {
    const x = randomValues(3, 3, 32);
    x.data.fill(0, 0, 32);
    x.data.set(
      x.data.subarray(64).map((value) => value * 1e4),
      64,
    );
    const w = randomValues(7, 8, 32);
    const graph = new Graph("int8");
    const input = graph.input("x", "float32", ["S", 32]);
    graph.output("y", linear(graph, input, { in: 32, out: 8 }), "float32", ["S", 8]);
    const output = { name: "y", shape: [3, 8] };
    const actual = await runGraph(graph, { weights: { weight: w }, inputs: { x }, output });
    const exact = product(x, w);
    expect([...actual.subarray(0, 8)].every((value) => value === 0)).toBe(true);
    for (const row of [1, 2]) {
      const part = exact.slice(8 * row, 8 * row + 8);
      expect(distance(actual.subarray(8 * row, 8 * row + 8), part)).toBeLessThan(0.02);
    }
  });
});

describe("linear layers joined to one product", () => {
  it.each(["fp32", "int8", "int4"] as const)("give at %s what each gives alone", async (at) => {
    const x = randomValues(3, 5, 64);
    const weights = { "q.weight": randomValues(7, 40, 64), "k.weight": randomValues(8, 24, 64) };
    const outputOf = async (name: "q" | "k", out: number, isJoined: boolean) => {
      const graph = new Graph(at);
      const input = graph.input("x", "float32", ["S", 64]);
      const [q = "", k = ""] = isJoined ? joinedLinear(graph, input, 64, { q: 40, k: 24 }) : [];
      const joined = { q, k };
      const alone = () => linear(graph.scope(name), input, { in: 64, out });
      graph.output("y", isJoined ? joined[name] : alone(), "float32", ["S", out]);
      return runGraph(graph, { weights, inputs: { x }, output: { name: "y", shape: [5, out] } });
    };
    for (const [name, out] of [["q", 40] as const, ["k", 24] as const]) {
      const joined = await outputOf(name, out, true);
      expect(distance(joined, await outputOf(name, out, false))).toBeLessThan(1e-6);
    }
  });
});

describe("a table", () => {
  it.each([
    { precision: "fp32", width: 64, most: 1e-7 },
    { precision: "int8", width: 64, most: 0.006 },
    { precision: "int4", width: 64, most: 0.1 },
    { precision: "int4", width: 1024, most: 0.1 },
    { precision: "int4", width: 48, most: 1e-7 },
  ] as const)("gives its rows at $precision, $width wide", async ({ precision, width, most }) => {
    const table = randomValues(5, 20, width);
    const graph = new Graph(precision);
    const ids = graph.input("ids", "int64", ["S"]);
    const rows = tableRows(graph, ids, { in: width, out: 20 });
    graph.output("rows", rows, "float32", ["S", width]);
    const actual = await runGraph(graph, {
      weights: { weight: table },
      inputs: { ids: { data: BigInt64Array.of(19n, 0n), shape: [2] } },
      output: { name: "rows", shape: [2, width] },
    });
    const expected = [...table.data.subarray(19 * width), ...table.data.subarray(0, width)];
    expect(distance(actual, expected)).toBeLessThanOrEqual(most);
  });

  it.each(["fp32", "int4"] as const)("that is also multiplied with is stored once at %s", (at) => {
    const sizes = { in: 64, out: 20 };
    const embedder = new Graph(at);
    tableRows(embedder, embedder.input("ids", "int64", ["S"]), sizes);
    const head = new Graph(at);
    tableProduct(head, head.input("x", "float32", ["S", 64]), sizes);
    expect([...head.parts.weights]).toEqual([...embedder.parts.weights]);
  });
});

const HIDDEN = 64;
const EXPERTS = { count: 4, perToken: 2, layers: new Set([0]), isOutputMajor: false };

async function runExperts(precision: Precision, intermediateSize: number) {
  const graph = new Graph(precision);
  const x = graph.input("x", "float32", [1, "S", HIDDEN]);
  const mixed = mixtureOfExperts(graph, x, HIDDEN, { ...EXPERTS, intermediateSize });
  graph.output("y", mixed, "float32", [1, "S", HIDDEN]);
  const values = await runGraph(graph, {
    weights: {
      "gate.weight": randomValues(1, 4, HIDDEN),
      "experts.gate_up_proj": randomValues(2, 4, HIDDEN, 2 * intermediateSize),
      "experts.down_proj": randomValues(3, 4, intermediateSize, HIDDEN),
    },
    inputs: { x: randomValues(4, 1, 6, HIDDEN) },
    output: { name: "y", shape: [1, 6, HIDDEN] },
  });
  return { values, ops: opsOf(graph) };
}

describe("a mixture of experts", () => {
  it.each([
    { precision: "int8", intermediateSize: 32, most: 0.01 },
    { precision: "int8", intermediateSize: 48, most: 0.01 },
    { precision: "int4", intermediateSize: 32, most: 0.2 },
    { precision: "int4", intermediateSize: 48, most: 0.2 },
  ] as const)(
    "at $precision, $intermediateSize wide, is near the one in float32",
    async ({ precision, intermediateSize, most }) => {
      const exact = await runExperts("fp32", intermediateSize);
      const quantised = await runExperts(precision, intermediateSize);
      expect(quantised.ops).toContain("QMoE");
      expect(distance(quantised.values, exact.values)).toBeLessThan(most);
      expect(distance(quantised.values, exact.values)).toBeGreaterThan(most / 100);
    },
  );

  it("stays in float32 where no size of block divides its rows", async () => {
    const { values, ops } = await runExperts("int4", 40);
    expect(ops).toContain("MoE");
    expect(values).toEqual((await runExperts("fp32", 40)).values);
  });
});

/** Logits of eight sequences that decode together, and those of each alone. */
async function decodeBothWays(precision: Precision, checkpoint: string) {
  const { model, close } = await openDenseModel(precision, checkpoint);
  const prompts = Array.from({ length: SLOTS }, (_, slot) => tokensOf(5 + 9 * slot, slot + 1));
  const next = prompts.map(({ length }, slot) => textRow(slot, length, [slot + 700]));
  const forward = async (rows: readonly ModelRow[]) =>
    (await model.forward(rows)).map((row) => Float32Array.from(row ?? []));
  const prefillAll = async () => {
    for (const [slot, prompt] of prompts.entries()) {
      await forward([textRow(slot, 0, prompt)]);
    }
  };
  await prefillAll();
  const together = await forward(next);
  await prefillAll();
  const alone: Float32Array<ArrayBuffer>[] = [];
  for (const row of next) {
    alone.push(...(await forward([row])));
  }
  await close();
  return { together, alone };
}

describe.each(["fp32", "int8", "int4"] as const)(
  "eight that decode together at %s",
  (precision) => {
    it("get bit for bit the logits of one alone", async () => {
      const { together, alone } = await decodeBothWays(precision, DENSE);
      expect(together).toEqual(alone);
    });

    it("get nearly the logits of one alone with a mixture of experts, whose sums depend on the batch", async () => {
      const { together, alone } = await decodeBothWays(precision, MIXTURE);
      for (const [slot, logits] of together.entries()) {
        expect(distance(logits, alone[slot] ?? [])).toBeLessThan(1e-5);
      }
    });
  },
);
