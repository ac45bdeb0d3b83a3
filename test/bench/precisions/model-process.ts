/** A process in which a model is built and loaded alone, so that its memory and times are its own. */
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

import { openCheckpoint } from "../../../gpu-worker/src/checkpoint.ts";
import { loadModel } from "../../../gpu-worker/src/load-model.ts";
import { ModelTask } from "./model-task.ts";
import type { ModelFigures } from "./model-task.ts";

const SLOTS = 8;
const SLOT_CAPACITY = 512;

async function measure({ folder, precision, cacheFolder }: ModelTask): Promise<ModelFigures> {
  const checkpoint = await openCheckpoint(folder);
  const memory = { tokenBudget: SLOTS * SLOT_CAPACITY, slotCapacity: SLOT_CAPACITY };
  const figures: ModelFigures = { loadSeconds: 0, memoryMegabytes: 0 };
  let start = performance.now();
  const onProgress = (done: number, total: number) => {
    if (done === total) {
      const seconds = (performance.now() - start) / 1000;
      figures.build = { seconds, peakMegabytes: statusMegabytes("VmHWM") };
      start = performance.now();
    }
  };
  const threads = availableParallelism();
  await loadModel(checkpoint, {
    cacheFolder,
    precision,
    threads,
    slots: SLOTS,
    memory,
    onProgress,
  });
  figures.loadSeconds = (performance.now() - start) / 1000;
  figures.memoryMegabytes = statusMegabytes("VmRSS");
  return figures;
}

function statusMegabytes(field: string): number {
  const status = readFileSync("/proc/self/status", "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1]) / 1024;
}

process.once("message", (message) => {
  measure(ModelTask.parse(message)).then(
    (figures) => process.send?.(figures, () => process.exit(0)),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
