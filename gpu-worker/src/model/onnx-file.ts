import { ELEMENT_TYPES } from "./element-type.ts";
import type { Initialiser } from "./graph-weight.ts";
import type { Attributes, Graph, GraphConstant, GraphNode, GraphPort, Subgraph } from "./graph.ts";
import { ProtobufWriter } from "./protobuf.ts";

/** Where a tensor's bytes lie, relative to the folder of the `.onnx` file. */
export interface ExternalData {
  file: string;
  offset: number;
  length: number;
}

const IR_VERSION = 10;
const OPSET = 21;
const CONTRIB_DOMAIN = "com.microsoft";
const CONTRIB_OPSET = 1;

/** Operators of ONNX Runtime that are not in the ONNX standard. */
const CONTRIB_OPS: ReadonlySet<string> = new Set([
  "GatherBlockQuantized",
  "GroupQueryAttention",
  "MatMulIntegerToFloat",
  "MatMulNBits",
  "MoE",
  "MRotaryEmbedding",
  "MultiHeadAttention",
  "QMoE",
  "QuickGelu",
  "RotaryEmbedding",
  "SkipSimplifiedLayerNormalization",
]);

/** AttributeProto.AttributeType */
const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_STRING = 3;
const ATTRIBUTE_GRAPH = 5;
const ATTRIBUTE_INTS = 7;

const EXTERNAL_LOCATION = 1;

/**
 * Serialises a graph as an ONNX ModelProto; field numbers from onnx.proto3. Weights stay outside.
 *
 * @param locate where the bytes of the stored tensor of this name lie
 */
export function encodeOnnx(graph: Graph, locate: (name: string) => ExternalData): Uint8Array {
  const model = new ProtobufWriter();
  model.int(1, IR_VERSION);
  model.string(2, "qwen3-vl-api");
  model.message(7, (writer) => writeGraph(writer, graph, locate));
  for (const [domain, version] of [
    ["", OPSET],
    [CONTRIB_DOMAIN, CONTRIB_OPSET],
  ] as const) {
    model.message(8, (opset) => {
      opset.string(1, domain);
      opset.int(2, version);
    });
  }
  return model.finish();
}

function writeGraph(
  writer: ProtobufWriter,
  { parts }: Graph,
  locate: (name: string) => ExternalData,
): void {
  for (const node of parts.nodes) {
    writer.message(1, (message) => writeNode(message, node));
  }
  writer.string(2, "graph");
  for (const constant of parts.constants.values()) {
    writer.message(5, (message) => writeConstant(message, constant));
  }
  for (const initialiser of parts.initialisers.values()) {
    writer.message(5, (message) =>
      writeInitialiser(message, initialiser, locate(initialiser.name)),
    );
  }
  for (const port of parts.inputs) {
    writer.message(11, (message) => writePort(message, port));
  }
  for (const port of parts.outputs) {
    writer.message(12, (message) => writePort(message, port));
  }
}

function writeNode(writer: ProtobufWriter, node: GraphNode): void {
  for (const input of node.inputs) {
    writer.string(1, input);
  }
  for (const output of node.outputs) {
    writer.string(2, output);
  }
  writer.string(3, node.name);
  writer.string(4, node.op);
  for (const [name, value] of Object.entries(node.attributes)) {
    writer.message(5, (message) => writeAttribute(message, name, value));
  }
  if (CONTRIB_OPS.has(node.op)) {
    writer.string(7, CONTRIB_DOMAIN);
  }
}

function writeAttribute(writer: ProtobufWriter, name: string, value: Attributes[string]): void {
  writer.string(1, name);
  if (typeof value === "number") {
    writer.int(3, value);
    writer.int(20, ATTRIBUTE_INT);
  } else if (typeof value === "string") {
    writer.string(4, value);
    writer.int(20, ATTRIBUTE_STRING);
  } else if ("float" in value) {
    writer.float(2, value.float);
    writer.int(20, ATTRIBUTE_FLOAT);
  } else if ("nodes" in value) {
    writer.message(6, (message) => writeSubgraph(message, value));
    writer.int(20, ATTRIBUTE_GRAPH);
  } else {
    for (const item of value) {
      writer.int(8, item);
    }
    writer.int(20, ATTRIBUTE_INTS);
  }
}

/** ONNX Runtime takes the types of inputs and outputs from the node around them. */
function writeSubgraph(writer: ProtobufWriter, { nodes, inputs, outputs }: Subgraph): void {
  for (const node of nodes) {
    writer.message(1, (message) => writeNode(message, node));
  }
  writer.string(2, "body");
  for (const name of inputs) {
    writer.message(11, (message) => message.string(1, name));
  }
  for (const name of outputs) {
    writer.message(12, (message) => message.string(1, name));
  }
}

function writeConstant(writer: ProtobufWriter, constant: GraphConstant): void {
  const { name, type, shape, values } = constant;
  for (const side of shape) {
    writer.int(1, side);
  }
  writer.int(2, ELEMENT_TYPES[type].code);
  writer.string(8, name);
  writer.bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

function writeInitialiser(
  writer: ProtobufWriter,
  { name, type, shape }: Initialiser,
  data: ExternalData,
): void {
  for (const side of shape) {
    writer.int(1, side);
  }
  writer.int(2, ELEMENT_TYPES[type].code);
  writer.string(8, name);
  for (const [key, value] of Object.entries({
    location: data.file,
    offset: String(data.offset),
    length: String(data.length),
  })) {
    writer.message(13, (entry) => {
      entry.string(1, key);
      entry.string(2, value);
    });
  }
  writer.int(14, EXTERNAL_LOCATION);
}

function writePort(writer: ProtobufWriter, { name, type, shape }: GraphPort): void {
  writer.string(1, name);
  writer.message(2, (typeProto) =>
    typeProto.message(1, (tensor) => {
      tensor.int(1, ELEMENT_TYPES[type].code);
      tensor.message(2, (shapeProto) => {
        for (const side of shape) {
          shapeProto.message(1, (dimension) =>
            typeof side === "string" ? dimension.string(2, side) : dimension.int(1, side),
          );
        }
      });
    }),
  );
}
