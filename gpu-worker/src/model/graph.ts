/** The name of a tensor in a graph. */
export type Value = string;

/** An attribute that is a float even where its value is whole. */
export interface FloatAttribute {
  float: number;
}

type Attribute = number | string | readonly number[] | FloatAttribute;
export type Attributes = Readonly<Record<string, Attribute>>;

export const float = (value: number): FloatAttribute => ({ float: value });

export type ElementType = "float32" | "int32" | "int64";
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

/**
 * How a tensor of the checkpoint is stored for a graph: as published; [out, in] → [in, out]; or, for
 * each expert of a tensor of three sides, [in, out] → [out, in], or with the gate and up halves of its
 * rows taking turns, or both.
 */
export type WeightLayout = "published" | "transposed" | "experts" | "gated" | "gated-experts";

export interface GraphWeight {
  name: Value;
  /** The checkpoint's own name. */
  tensor: string;
  /** Shape in the checkpoint. */
  shape: readonly number[];
  layout: WeightLayout;
}

export interface GraphConstant {
  name: Value;
  shape: readonly number[];
  values: Float32Array | BigInt64Array;
}

interface GraphParts {
  nodes: GraphNode[];
  inputs: GraphPort[];
  outputs: GraphPort[];
  weights: Map<Value, GraphWeight>;
  constants: Map<Value, GraphConstant>;
}

/** An ONNX graph under construction, seen from one path of the checkpoint. */
export class Graph {
  readonly parts: GraphParts;
  readonly #path: string;

  constructor(path = "", parts: GraphParts = emptyParts()) {
    this.#path = path;
    this.parts = parts;
  }

  /** The same graph, one level down: `graph.scope("mlp")` finds weights at `….mlp.*`. */
  scope(name: string | number): Graph {
    return new Graph(this.#path === "" ? String(name) : `${this.#path}.${name}`, this.parts);
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
    const tensor = this.#path === "" ? name : `${this.#path}.${name}`;
    const value = layout === "published" ? tensor : `${tensor}/${layout}`;
    this.parts.weights.set(value, { name: value, tensor, shape, layout });
    return value;
  }

  int64(...values: readonly number[]): Value {
    return this.#constant(`int64[${values.join(",")}]`, BigInt64Array.from(values, BigInt));
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
    const name = `${this.#path}/${op}_${this.parts.nodes.length}`;
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
    const name = `${this.#path}/${op}_${this.parts.nodes.length}`;
    const outputs = [name, ...ports.map((port) => port.name)];
    this.parts.nodes.push({ name, op, inputs, outputs, attributes });
    this.parts.outputs.push(...ports);
    return name;
  }

  #constant(name: Value, values: BigInt64Array): Value {
    this.parts.constants.set(name, { name, shape: [values.length], values });
    return name;
  }
}

function emptyParts(): GraphParts {
  return { nodes: [], inputs: [], outputs: [], weights: new Map(), constants: new Map() };
}
