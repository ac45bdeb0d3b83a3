import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";

import { BENCH_FOLDER } from "../checkpoints/bench-folder.ts";
import { folderMegabytes } from "../checkpoints/folder-size.ts";
import { random2B } from "../checkpoints/make-checkpoint.ts";
import { median, printTable } from "../table.ts";
import { measureModel } from "./model-task.ts";

const LOADS = 3;

/** Building and loading random weights of the 2B model's sides at int8 and int4; `engine` tells the speed. */
export async function precisions2b(): Promise<void> {
  const folder = await random2B();
  await mkdir(BENCH_FOLDER, { recursive: true });
  const cacheFolder = await mkdtemp(join(BENCH_FOLDER, "built-"));
  const rows: string[][] = [];
  try {
    for (const precision of ["int8", "int4"] as const) {
      const task = { folder, precision, cacheFolder };
      const { build } = await measureModel(task);
      const loads = [];
      for (let round = 0; round < LOADS; round++) {
        loads.push(await measureModel(task));
      }
      rows.push([
        precision,
        (await folderMegabytes(cacheFolder)).toFixed(0),
        (build?.seconds ?? NaN).toFixed(0),
        (build?.peakMegabytes ?? NaN).toFixed(0),
        median(loads.map(({ loadSeconds }) => loadSeconds)).toFixed(1),
        median(loads.map(({ memoryMegabytes }) => memoryMegabytes)).toFixed(0),
      ]);
      await rm(cacheFolder, { recursive: true });
    }
  } finally {
    await rm(cacheFolder, { recursive: true, force: true });
  }
  printTable([
    ["precision", "disk MB", "build s", "build peak MB", "load s", "memory MB"],
    ...rows,
  ]);
}
