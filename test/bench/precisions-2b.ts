import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { folderMegabytes } from "./folder-size.ts";
import { measureModel } from "./model-task.ts";
import type { ModelFigures } from "./model-task.ts";
import { writeRandom2B } from "./random-checkpoint.ts";
import { median, printTable } from "./table.ts";

/** Of the whole measurement; a machine that others use too is slower at times. */
const ROUNDS = 3;

const QUANTISED = ["int8", "int4"] as const;

/**
 * A random checkpoint of the 2B model's sides at int8 and int4: building, loading and running. Takes
 * some 9 GB below the system's folder for temporary files, and a few minutes.
 *
 * @param checkpoint a folder of such a checkpoint, where there is one already
 */
export async function precisions2b(checkpoint?: string): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "qwen3-vl-2b-"));
  try {
    const folder = checkpoint ?? join(scratch, "random-2b");
    if (checkpoint === undefined) {
      await writeRandom2B(folder);
    }
    await measureAll(folder, join(scratch, "graphs"));
  } finally {
    await rm(scratch, { recursive: true });
  }
}

async function measureAll(folder: string, cacheRoot: string): Promise<void> {
  const rows: string[][] = [];
  const taskOf = (precision: (typeof QUANTISED)[number], speed: boolean) => ({
    folder,
    precision,
    cacheFolder: join(cacheRoot, precision),
    speed,
  });
  const building: ModelFigures[] = [];
  for (const precision of QUANTISED) {
    building.push(await measureModel(taskOf(precision, false)));
  }
  const runs: ModelFigures[][] = QUANTISED.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, precision] of QUANTISED.entries()) {
      runs[index]?.push(await measureModel(taskOf(precision, true)));
    }
  }
  for (const [index, precision] of QUANTISED.entries()) {
    const disk = await folderMegabytes(join(cacheRoot, precision));
    rows.push([precision, disk.toFixed(0), ...columns(building[index], runs[index] ?? [])]);
  }
  printTable([HEAD, ...rows]);
}

const HEAD = [
  "precision",
  "disk MB",
  "build s",
  "build peak MB",
  "load s",
  "memory MB",
  "decode ms",
  "8 tok/s",
  "prefill tok/s",
  "vision s",
];

function columns(building: ModelFigures | undefined, runs: readonly ModelFigures[]): string[] {
  const middle = (figure: (run: ModelFigures) => number | undefined, digits: number) =>
    median(runs.map((run) => figure(run) ?? NaN)).toFixed(digits);
  return [
    (building?.build?.seconds ?? NaN).toFixed(0),
    (building?.build?.peakMegabytes ?? NaN).toFixed(0),
    middle((run) => run.loadSeconds, 1),
    middle((run) => run.memoryMegabytes, 0),
    middle((run) => run.speed?.decodeMs, 1),
    middle((run) => run.speed?.batchTokensPerSecond, 1),
    middle((run) => run.speed?.prefillTokensPerSecond, 0),
    middle((run) => run.speed?.visionSeconds, 1),
  ];
}
