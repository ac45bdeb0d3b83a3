import { join } from "node:path";

import { REPOSITORY } from "../../../dev/src/settings.ts";
import { openCheckpoint } from "../../../gpu-worker/src/checkpoint.ts";
import { loadModel } from "../../../gpu-worker/src/load-model.ts";
import { soakEngine } from "../../support/engine-soak.ts";
import { BENCH_FOLDER } from "../checkpoints/bench-folder.ts";
import { printTable } from "../table.ts";

const SLOTS = 8;
const CAPACITY = 512;

/** About half of what eight sequences reach: some give way all the time. */
const TOKEN_BUDGET = 320;

const MIB = 2 ** 20;

/**
 * An hour's requests in minutes: 20,000, or as many as given, over the engine and the model that ships, of which
 * some leave, fail or are too long; what must hold is checked after every step, and memory is told.
 */
export async function engineSoak([requests = "20000"]: readonly string[]): Promise<void> {
  const model = await loadModel(await openCheckpoint(join(REPOSITORY, "models/qwen3-vl-shapes")), {
    cacheFolder: BENCH_FOLDER,
    precision: "fp32",
    threads: 1,
    slots: SLOTS,
    memory: { slotCapacity: CAPACITY, tokenBudget: SLOTS * CAPACITY },
  });
  const begun = performance.now();
  const rows: (string | number)[][] = [["requests", "resident MiB", "heap MiB", "seconds"]];
  const total = Number(requests);
  const result = await soakEngine({
    model,
    requests: total,
    seed: 7,
    tokenBudget: TOKEN_BUDGET,
    every: Math.ceil(total / 10),
    onProgress: (ended) => {
      globalThis.gc?.();
      const { rss, heapUsed } = process.memoryUsage();
      const seconds = (performance.now() - begun) / 1000;
      rows.push([
        ended,
        ...[rss, heapUsed].map((bytes) => (bytes / MIB).toFixed(1)),
        seconds.toFixed(0),
      ]);
    },
  });
  model.close();
  printTable(rows);
  console.log(result);
}
