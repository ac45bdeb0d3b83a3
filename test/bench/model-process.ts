/** A process in which a model is built or run alone, so that its memory and times are its own. */
import { readFileSync } from "node:fs";

import { openCheckpoint } from "../../gpu-worker/src/checkpoint.ts";
import type { ModelRow } from "../../gpu-worker/src/engine/model.ts";
import { loadModel } from "../../gpu-worker/src/load-model.ts";
import type { OnnxModel } from "../../gpu-worker/src/runtime/onnx-model.ts";
import { textRow } from "../support/dense-model.ts";
import { ModelTask } from "./model-task.ts";
import type { ModelFigures } from "./model-task.ts";
import { median } from "./table.ts";

const CONTEXT = 128;
const PREFILL_TOKENS = 256;
const SLOTS = 8;
const SLOT_CAPACITY = 512;

/** Sides of a picture of 1,024 patches. */
const PATCHES = { t: 1, h: 32, w: 32 };

const DECODE_STEPS = 25;
const PREFILLS = 5;
const ENCODINGS = 3;

async function measure({
  folder,
  precision,
  cacheFolder,
  speed,
}: ModelTask): Promise<ModelFigures> {
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
  const options = { cacheFolder, precision, threads: 2, slots: SLOTS, memory, onProgress };
  const model = await loadModel(checkpoint, options);
  figures.loadSeconds = (performance.now() - start) / 1000;
  figures.memoryMegabytes = statusMegabytes("VmRSS");
  return speed ? { ...figures, speed: await measureSpeed(model) } : figures;
}

async function measureSpeed(model: OnnxModel): Promise<NonNullable<ModelFigures["speed"]>> {
  const prompts = Array.from({ length: SLOTS }, (_, slot) => textRow(slot, 0, tokens(CONTEXT)));
  for (const prompt of prompts) {
    await model.forward([prompt]);
  }
  const next = prompts.map(({ slot }) => textRow(slot, CONTEXT, [7]));
  const decode = (rows: readonly ModelRow[]) =>
    medianSeconds(DECODE_STEPS, () => model.forward(rows));
  const decodeSeconds = await decode(next.slice(0, 1));
  const batchSeconds = await decode(next);
  const prompt = textRow(0, 0, tokens(PREFILL_TOKENS));
  const prefillSeconds = await medianSeconds(PREFILLS, () => model.forward([prompt]));
  const patches = Float32Array.from({ length: 1024 * 1536 }, (_, index) => Math.sin(index));
  return {
    decodeMs: decodeSeconds * 1000,
    batchTokensPerSecond: SLOTS / batchSeconds,
    prefillTokensPerSecond: PREFILL_TOKENS / prefillSeconds,
    visionSeconds: await medianSeconds(ENCODINGS, () => model.encode({ patches, grid: PATCHES })),
  };
}

function tokens(length: number): number[] {
  return Array.from({ length }, (_, index) => (index * 31 + 17) % 1500);
}

/** After one run that warms up. */
async function medianSeconds(rounds: number, run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    await run();
    times.push((performance.now() - start) / 1000);
  }
  return median(times.slice(1));
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
