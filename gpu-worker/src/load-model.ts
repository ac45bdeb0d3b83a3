import { join } from "node:path";

import type { Checkpoint } from "./checkpoint.ts";
import type { Config } from "./config.ts";
import { GRAPH_VERSION, buildGraphs } from "./model/build-graphs.ts";
import { OnnxModel } from "./runtime/onnx-model.ts";
import type { TextDecoderConfig } from "./weights/model-config.ts";

const FLOAT32_BYTES = 4;

type LoadOptions = Pick<Config, "cacheFolder" | "precision" | "threads" | "slots" | "kvBytes">;

/** Builds the graphs of a checkpoint unless they are cached, and loads them. */
export async function loadModel(checkpoint: Checkpoint, options: LoadOptions): Promise<OnnxModel> {
  const { config, tensors, digest, id } = checkpoint;
  const { cacheFolder, precision, threads, slots } = options;
  const folder = join(cacheFolder, `${id}-${digest}-${precision}-v${GRAPH_VERSION}`);
  const graphs = await buildGraphs({ config, tensors }, folder);
  return new OnnxModel({
    config,
    graphs,
    threads,
    slots,
    slotCapacity: slotCapacity(config.text, options),
  });
}

/** Tokens a slot holds: the context of the model, or what the memory allows. */
function slotCapacity(text: TextDecoderConfig, { slots, kvBytes }: LoadOptions): number {
  const tokenBytes = 2 * text.layers * text.kvHeads * text.headDim * FLOAT32_BYTES;
  return Math.min(text.maxPositions, Math.floor(kvBytes / (slots * tokenBytes)));
}
