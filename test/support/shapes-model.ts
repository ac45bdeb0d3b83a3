import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { openCheckpoint } from "../../gpu-worker/src/checkpoint.ts";
import type { Checkpoint } from "../../gpu-worker/src/checkpoint.ts";
import { loadModel } from "../../gpu-worker/src/load-model.ts";
import type { OnnxModel } from "../../gpu-worker/src/runtime/onnx-model.ts";

const SHAPES = resolve(import.meta.dirname, "../../models/qwen3-vl-shapes");
const SLOTS = 8;
export const SLOT_CAPACITY = 1024;

/** The checkpoint that ships with the repository, in this process. */
export async function openShapesModel(): Promise<
  { checkpoint: Checkpoint; model: OnnxModel } & AsyncDisposable
> {
  const cacheFolder = await mkdtemp(join(tmpdir(), "shapes-graphs-"));
  const checkpoint = await openCheckpoint(SHAPES);
  const model = await loadModel(checkpoint, {
    cacheFolder,
    precision: "fp32",
    threads: 2,
    slots: SLOTS,
    memory: { slotCapacity: SLOT_CAPACITY, tokenBudget: SLOTS * SLOT_CAPACITY },
  });
  return {
    checkpoint,
    model,
    [Symbol.asyncDispose]: async () => {
      model.close();
      await rm(cacheFolder, { recursive: true });
    },
  };
}
