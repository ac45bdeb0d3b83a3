import type { ElementType } from "./element-type.ts";
import { storedTensors } from "./graph-weight.ts";
import type { GraphWeight, Initialiser } from "./graph-weight.ts";
import type { Precision } from "./precision.ts";
import type { WeightFormat } from "./weight-format.ts";
import type { WeightLayout } from "./weight-layout.ts";

/** The name of a tensor in a graph. */
export type Value = string;

/** An attribute that is a float even where its value is whole. */
export interface FloatAttribute {
  float: number;
}

/** A graph inside a node; its values may also be those of the graph around it. */
export interface Subgraph {
  nodes: readonly GraphNode[];
  inputs: readonly Value[];
  outputs: readonly Value[];
}

type Attribute = number | string | readonly number[] | FloatAttribute | Subgraph;
export type Attributes = Readonly<Record<string, Attribute>>;

export const float = (value: number): FloatAttribute => ({ float: value });

/** A side of fixed length, or the name of one that varies. */
type Side = number | string;

export interface GraphNode {
  name: string;
  op: string;
  inputs: readonly Value[];
  outputs: readonly Value[];
  attributes: Attributes;
}

export interface GraphPort {
  name: Value;
  type: ElementType;
  shape: readonly Side[];
}

/** A weight of 4 or 8 bits. */
export interface QuantisedWeight {
  quants: Value;
  scales: Value;
  /** Those of the format's blocks, where it has them. */
  zeros?: Value;
}

/** A tensor of the checkpoint below the graph's path. */
export interface NamedShape {
  name: string;
  shape: readonly number[];
}

interface Storage {
  format: WeightFormat;
  layout?: WeightLayout;
  /** Sides in which this graph sees the quants, where they are not those of the file. */
  quantsShape?: readonly number[];
}

export interface GraphConstant {
  name: Value;
  type: ElementType;
  shape: readonly number[];
  values: Float32Array | BigInt64Array | Uint8Array;
}

interface GraphParts {
  nodes: GraphNode[];
  /** Names given so far. */
  names: { count: number };
  inputs: GraphPort[];
  outputs: GraphPort[];
  /** By the name of the first tensor that each is stored as. */
  weights: Map<Value, GraphWeight>;
  initialisers: Map<Value, Initialiser>;
  constants: Map<Value, GraphConstant>;
}

/** An ONNX graph under construction, seen from one path of the checkpoint. */
export class Graph {
  readonly precision: Precision;
  readonly parts: GraphParts;
  readonly #path: string;

  constructor(precision: Precision = "fp32", path = "", parts: GraphParts = emptyParts()) {
    this.precision = precision;
    this.#path = path;
    this.parts = parts;
  }

  /** The same graph, one level down: `graph.scope("mlp")` finds weights at `….mlp.*`. */
  scope(name: string | number): Graph {
    return new Graph(this.precision, this.#pathOf(String(name)), this.parts);
  }

  input(name: Value, type: ElementType, shape: readonly Side[]): Value {
    this.parts.inputs.push({ name, type, shape });
    return name;
  }

  /** Gives a value the name under which the runtime reads it. */
  output(name: Value, value: Value, type: ElementType, shape: readonly Side[]): void {
    this.parts.nodes.push({
      name,
      op: "Identity",
      inputs: [value],
      outputs: [name],
      attributes: {},
    });
    this.parts.outputs.push({ name, type, shape });
  }

  /** An optional input that is left out. */
  readonly none: Value = "";

  weight(name: string, shape: readonly number[], layout: WeightLayout = "published"): Value {
    return this.#store([{ name, shape }], { format: { kind: "float32" }, layout })[0];
  }

  /** A matrix [out, in], or a kernel whose sides but the first are one, as [in, out]; or several as one. */
  transposed(...sources: readonly NamedShape[]): Value {
    return this.#store(sources, { format: { kind: "float32-columns" } })[0];
  }

  quantised(sources: readonly NamedShape[], storage: Storage): QuantisedWeight {
    const [quants, scales, zeros] = this.#store(sources, storage);
    if (scales === undefined) {
      throw new Error(`${quants} is stored without scales`);
    }
    return { quants, scales, ...(zeros !== undefined && { zeros }) };
  }

  int64(...values: readonly number[]): Value {
    return this.#constant("int64", [values.length], BigInt64Array.from(values, BigInt));
  }

  /** A tensor without sides. */
  scalar(type: "float32" | "uint8", value: number): Value {
    const values = type === "float32" ? Float32Array.of(value) : Uint8Array.of(value);
    return this.#constant(type, [], values);
  }

  op(op: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    const [value] = this.ops(op, inputs, 1, attributes);
    return value;
  }

  /** A node with several outputs. */
  ops(
    op: string,
    inputs: readonly Value[],
    outputCount: number,
    attributes: Attributes = {},
  ): [Value, ...Value[]] {
    const name = this.#nextName(op);
    const rest = Array.from({ length: outputCount - 1 }, (_, index) => `${name}:${index + 1}`);
    this.parts.nodes.push({ name, op, inputs, outputs: [name, ...rest], attributes });
    return [name, ...rest];
  }

  /** A node whose outputs the runtime binds by name. */
  namedOps(
    op: string,
    inputs: readonly Value[],
    ports: readonly GraphPort[],
    attributes: Attributes,
  ): Value {
    const name = this.#nextName(op);
    const outputs = [name, ...ports.map((port) => port.name)];
    this.parts.nodes.push({ name, op, inputs, outputs, attributes });
    this.parts.outputs.push(...ports);
    return name;
  }

  /**
   * Runs `body` on one row of the inputs after the other, along their first side, and stacks its results
   * again: what is computed in between is there for one row at a time. The body may also read any value
   * of the graph around it.
   */
  scan<Input extends string, Result extends string>(
    inputs: Readonly<Record<Input, Value>>,
    body: (graph: Graph, rows: Readonly<Record<Input, Value>>) => Readonly<Record<Result, Value>>,
  ): Record<Result, Value> {
    const name = this.#nextName("Scan");
    const rows = renamed(inputs, (key) => `${name}/${key}`);
    const inner = new Graph(this.precision, this.#path, { ...this.parts, nodes: [] });
    const results = body(inner, rows);
    const stacked = renamed(results, (key) => `${name}:${key}`);
    this.parts.nodes.push({
      name,
      op: "Scan",
      inputs: Object.values(inputs),
      outputs: Object.values(stacked),
      attributes: {
        num_scan_inputs: Object.keys(inputs).length,
        body: {
          nodes: inner.parts.nodes,
          inputs: Object.values(rows),
          outputs: Object.values(results),
        },
      },
    });
    return stacked;
  }

  #store(
    named: readonly NamedShape[],
    { format, layout = "published", quantsShape }: Storage,
  ): [Value, ...Value[]] {
    const sources = named.map(({ name, shape }) => ({ tensor: this.#pathOf(name), shape }));
    const weight = { sources, layout, format };
    const [values, ...scales] = storedTensors(weight);
    this.parts.weights.set(values.name, weight);
    for (const stored of [{ ...values, shape: quantsShape ?? values.shape }, ...scales]) {
      this.parts.initialisers.set(stored.name, stored);
    }
    return [values.name, ...scales.map((stored) => stored.name)];
  }

  #constant(type: ElementType, shape: readonly number[], values: GraphConstant["values"]): Value {
    const name = `${type}[${shape.join()}](${values.join()})`;
    this.parts.constants.set(name, { name, type, shape, values });
    return name;
  }

  /** Unique in a graph and all graphs inside it. */
  #nextName(op: string): Value {
    return `${this.#path}/${op}_${this.parts.names.count++}`;
  }

  #pathOf(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }
}

/** Other values under the same keys, in the same order. */
function renamed<Key extends string>(
  values: Readonly<Record<Key, Value>>,
  name: (key: string) => Value,
): Record<Key, Value> {
  const result: Record<Key, Value> = { ...values };
  for (const key in result) {
    result[key] = name(key);
  }
  return result;
}

function emptyParts(): GraphParts {
  return {
    nodes: [],
    names: { count: 0 },
    inputs: [],
    outputs: [],
    weights: new Map(),
    initialisers: new Map(),
    constants: new Map(),
  };
}
