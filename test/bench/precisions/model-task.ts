import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import * as z from "zod";

import { PRECISIONS } from "../../../gpu-worker/src/model/precision.ts";

/** What a process of `model-process.ts` is asked to load. */
export const ModelTask = z.object({
  folder: z.string(),
  precision: z.enum(PRECISIONS),
  /** Graphs that are not there are built, which costs time and memory. */
  cacheFolder: z.string(),
});
export type ModelTask = z.infer<typeof ModelTask>;

const ModelFigures = z.object({
  loadSeconds: z.number(),
  memoryMegabytes: z.number(),
  /** Of building the graphs, where they were not there. */
  build: z.object({ seconds: z.number(), peakMegabytes: z.number() }).optional(),
});
export type ModelFigures = z.infer<typeof ModelFigures>;

/** Loads a model in a process of its own and measures that. */
export async function measureModel(task: ModelTask): Promise<ModelFigures> {
  const child = fork(join(import.meta.dirname, "model-process.ts"));
  child.send(task);
  const figures: unknown = await Promise.race([
    once(child, "message").then(([message]: unknown[]) => message),
    once(child, "exit").then(([code]: unknown[]) => {
      throw new Error(`the model's process ended with ${String(code)}`);
    }),
  ]);
  return ModelFigures.parse(figures);
}
