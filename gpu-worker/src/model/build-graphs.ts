import { mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";

import type { ModelConfig } from "../weights/model-config.ts";
import type { TensorIndex } from "../weights/tensor-index.ts";
import type { GraphWeight } from "./graph-weight.ts";
import type { Graph } from "./graph.ts";
import { encodeOnnx } from "./onnx-file.ts";
import { visionPrecision } from "./precision.ts";
import type { Precision } from "./precision.ts";
import { textDecoder } from "./text-decoder.ts";
import { tokenEmbeddings } from "./token-embeddings.ts";
import { visionEncoder } from "./vision-encoder.ts";
import { checkWeights } from "./weight-check.ts";
import { writeWeightFile } from "./weight-file.ts";
import type { OnProgress } from "./weight-file.ts";

/** Part of the cache key: raise it with every change to what the graphs compute or how they are stored. */
export const GRAPH_VERSION = 6;

const WEIGHTS_FILE = "weights.data";

/** Paths of the three graphs, all reading one file of weights beside them. */
export interface GraphFiles {
  vision: string;
  embedder: string;
  decoder: string;
}

export interface GraphSource {
  config: ModelConfig;
  tensors: TensorIndex;
}

export interface BuildOptions {
  precision: Precision;
  /** Threads that encode weights. */
  threads: number;
  onProgress: OnProgress;
}

/**
 * Writes the graphs of a checkpoint into `folder` unless they are there. They are written beside it
 * and renamed, so a folder that exists is complete.
 */
export async function buildGraphs(
  source: GraphSource,
  folder: string,
  { precision = "fp32", threads = availableParallelism(), onProgress }: Partial<BuildOptions> = {},
): Promise<GraphFiles> {
  if (!(await exists(folder))) {
    const unfinished = `${folder}.${process.pid}.tmp`;
    await mkdir(unfinished, { recursive: true });
    try {
      const options = { precision, threads, onProgress: onProgress ?? (() => undefined) };
      await writeGraphs(source, unfinished, options);
      await renameUnlessTaken(unfinished, folder);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }
  return graphFiles(folder);
}

async function writeGraphs(
  { config, tensors }: GraphSource,
  folder: string,
  { precision, ...options }: BuildOptions,
): Promise<void> {
  const graphs: Record<keyof GraphFiles, Graph> = {
    vision: visionEncoder(config.vision, visionPrecision(precision)),
    embedder: tokenEmbeddings(config.text, precision),
    decoder: textDecoder(config.text, config.vision.deepstackLayers.length, precision),
  };
  const weights = allWeights(Object.values(graphs));
  checkWeights(weights, tensors);

  const path = join(folder, WEIGHTS_FILE);
  const places = await writeWeightFile(path, WEIGHTS_FILE, { weights, tensors }, options);
  const locate = (name: string) => {
    const place = places.get(name);
    if (place === undefined) {
      throw new Error(`weight ${name} was not written`);
    }
    return place;
  };
  const files = graphFiles(folder);
  const durable = { flush: true }; // a folder that exists is complete, also after a power cut
  await writeFile(files.vision, encodeOnnx(graphs.vision, locate), durable);
  await writeFile(files.embedder, encodeOnnx(graphs.embedder, locate), durable);
  await writeFile(files.decoder, encodeOnnx(graphs.decoder, locate), durable);
}

/** Each weight once, also when several graphs read it. */
function allWeights(graphs: readonly Graph[]): GraphWeight[] {
  const weights = new Map<string, GraphWeight>();
  for (const { parts } of graphs) {
    for (const [name, weight] of parts.weights) {
      weights.set(name, weight);
    }
  }
  return [...weights.values()];
}

/** Another process may have built the same graphs in the meantime: theirs are as good. */
async function renameUnlessTaken(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!(await exists(to))) {
      throw error;
    }
  }
}

function graphFiles(folder: string): GraphFiles {
  return {
    vision: join(folder, "vision.onnx"),
    embedder: join(folder, "embedder.onnx"),
    decoder: join(folder, "decoder.onnx"),
  };
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
