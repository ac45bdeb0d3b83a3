import { join } from "node:path";

import type { Checkpoint } from "./checkpoint.ts";
import type { Config } from "./config.ts";
import type { MemoryPlan } from "./memory-plan.ts";
import { GRAPH_VERSION, buildGraphs } from "./model/build-graphs.ts";
import { defaultPrecision } from "./model/precision.ts";
import type { OnProgress } from "./model/weight-file.ts";
import { OnnxModel } from "./runtime/onnx-model.ts";

type LoadOptions = Pick<Config, "cacheFolder" | "precision" | "threads" | "slots"> & {
  memory: Pick<MemoryPlan, "tokenBudget" | "slotCapacity">;
  /** Told while graphs are built. */
  onProgress?: OnProgress;
};

/** Builds the graphs of a checkpoint unless they are cached, and loads them. */
export async function loadModel(checkpoint: Checkpoint, options: LoadOptions): Promise<OnnxModel> {
  const { config, tensors, digest, id } = checkpoint;
  const { cacheFolder, threads, slots, memory, onProgress = () => undefined } = options;
  const precision = options.precision ?? defaultPrecision(tensors.parameters);
  const name = id.replaceAll("/", "--"); // an id of the hub has an owner before a slash
  const folder = join(cacheFolder, "graphs", `${name}-${digest}-${precision}-v${GRAPH_VERSION}`);
  const graphs = await buildGraphs({ config, tensors }, folder, {
    precision,
    threads,
    onProgress,
  });
  return new OnnxModel({
    config,
    graphs,
    precision,
    threads,
    slots,
    ...memory,
  });
}
