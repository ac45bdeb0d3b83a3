import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Graph } from "../../gpu-worker/src/model/graph.ts";
import { encodeOnnx } from "../../gpu-worker/src/model/onnx-file.ts";
import { writeWeightFile } from "../../gpu-worker/src/model/weight-file.ts";
import { Session } from "../../gpu-worker/src/runtime/session.ts";
import { Tensor } from "../../gpu-worker/src/runtime/tensor.ts";
import { openTensorIndex } from "../../gpu-worker/src/weights/tensor-index.ts";
import { float32Entry, safetensors } from "../../gpu-worker/src/weights/test-safetensors.ts";

export interface Values<T = Float32Array<ArrayBuffer>> {
  data: T;
  shape: readonly number[];
}

export interface GraphRun {
  /** The checkpoint: tensors by name. */
  weights: Readonly<Record<string, Values>>;
  inputs: Readonly<Record<string, Values<Float32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>>>>;
  output: { name: string; shape: readonly number[] };
}

/** Stores the weights as the graph wants them, loads it into the real runtime, and runs it once. */
export async function runGraph(
  graph: Graph,
  { weights, inputs, output }: GraphRun,
): Promise<Float32Array<ArrayBuffer>> {
  const folder = await mkdtemp(join(tmpdir(), "graph-"));
  try {
    await writeFile(join(folder, "model.safetensors"), checkpointOf(weights));
    const tensors = await openTensorIndex(folder);
    const stored = { weights: [...graph.parts.weights.values()], tensors };
    const path = join(folder, "weights.data");
    const options = { threads: 1, onProgress: () => undefined };
    const places = await writeWeightFile(path, "weights.data", stored, options);
    const locate = (name: string) => places.get(name) ?? { file: "", offset: 0, length: 0 };
    await writeFile(join(folder, "graph.onnx"), encodeOnnx(graph, locate));
    return await runFile(join(folder, "graph.onnx"), inputs, output);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function runFile(
  path: string,
  inputs: GraphRun["inputs"],
  output: GraphRun["output"],
): Promise<Float32Array<ArrayBuffer>> {
  const session = new Session(path, { threads: 1, spin: false });
  const result = new Float32Array(output.shape.reduce((product, side) => product * side, 1));
  const tensors = Object.entries(inputs).map(
    ([name, { data, shape }]) => [name, new Tensor(data, shape)] as const,
  );
  await session.run(Object.fromEntries(tensors), {
    [output.name]: new Tensor(result, output.shape),
  });
  session.close();
  return result;
}

function checkpointOf(weights: GraphRun["weights"]): Buffer {
  let start = 0;
  const header: Record<string, unknown> = {};
  for (const [name, { data, shape }] of Object.entries(weights)) {
    header[name] = float32Entry(shape, start);
    start += data.byteLength;
  }
  const bytes = Object.values(weights).map(({ data }) => new Uint8Array(data.buffer));
  return safetensors(header, Buffer.concat(bytes));
}
