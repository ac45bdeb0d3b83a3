import { open } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { Piscina } from "piscina";

import type { TensorIndex } from "../weights/tensor-index.ts";
import { joinedShape } from "./graph-weight.ts";
import type { GraphWeight } from "./graph-weight.ts";
import type { ExternalData } from "./onnx-file.ts";
import { placeWeights, slicesOf } from "./weight-places.ts";
import type { PlacedWeight } from "./weight-places.ts";
import type { SliceTask } from "./weight-worker.ts";

/** Told after each piece of work, in bytes of the weight file. */
export type OnProgress = (doneBytes: number, totalBytes: number) => void;

export interface WeightFileOptions {
  threads: number;
  onProgress: OnProgress;
}

/** Each thread holds about 100 MB; eight stay well within the 3 GB that building may take. */
const MAX_THREADS = 8;

/**
 * Writes the weights of all graphs into one file, each once, a few slices at a time: memory does not
 * grow with the checkpoint.
 *
 * @returns where each stored tensor lies, by its name in the graphs
 */
export async function writeWeightFile(
  path: string,
  fileName: string,
  { weights, tensors }: { weights: readonly GraphWeight[]; tensors: TensorIndex },
  { threads, onProgress }: WeightFileOptions,
): Promise<ReadonlyMap<string, ExternalData>> {
  const placed = placeWeights(weights);
  await using file = await open(path, "w");
  const tasks = placed.flatMap((weight) => sliceTasks(file.fd, weight, tensors));
  await runTasks(tasks, Math.min(threads, MAX_THREADS), progressOf(placed, onProgress));
  await file.sync();
  const entries = placed.flatMap(({ stored }) => stored);
  return new Map(
    entries.map(({ name, offset, length }) => [name, { file: fileName, offset, length }]),
  );
}

function sliceTasks(file: number, placed: PlacedWeight, tensors: TensorIndex): SliceTask[] {
  let rowsBefore = 0;
  return placed.weight.sources.flatMap((found) => {
    const { tensor, shape } = found;
    const source = tensors.placesOf(tensor);
    const before = rowsBefore;
    rowsBefore += shape[0] ?? 1;
    return slicesOf(found).map((slice) => ({
      file,
      source,
      placed,
      part: { tensor, slice, rowsBefore: before },
    }));
  });
}

async function runTasks(
  tasks: readonly SliceTask[],
  threads: number,
  onDone: (task: SliceTask) => void,
): Promise<void> {
  const pool = new Piscina<SliceTask, void>({
    filename: fileURLToPath(new URL("./weight-worker.ts", import.meta.url)),
    name: "runSliceTask",
    minThreads: 1,
    maxThreads: threads,
  });
  try {
    await Promise.all(tasks.map((task) => pool.run(task).then(() => onDone(task))));
  } finally {
    await pool.destroy();
  }
}

function progressOf(
  placed: readonly PlacedWeight[],
  onProgress: OnProgress,
): (task: SliceTask) => void {
  const totalBytes = placed.reduce((sum, { stored }) => sum + bytesOf(stored), 0);
  let doneBytes = 0;
  return ({ placed: { weight, stored }, part }) => {
    const [rows = 1] = joinedShape(weight);
    doneBytes += bytesOf(stored) * (part.slice.count / rows);
    onProgress(Math.round(doneBytes), totalBytes);
  };
}

const bytesOf = (stored: PlacedWeight["stored"]) =>
  stored.reduce((sum, { length }) => sum + length, 0);
