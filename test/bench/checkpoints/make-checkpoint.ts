import { rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";

import { BENCH_FOLDER } from "./bench-folder.ts";
import { writeRandom2B } from "./random-checkpoint.ts";

const USAGE = "Usage: npm run bench -- make-checkpoint 2b [FOLDER]";

/** Writes a checkpoint of the 2B model's sides with random weights, unless it is there. */
export async function makeCheckpoint([size, folder]: readonly string[]): Promise<void> {
  if (size !== "2b") {
    throw new Error(USAGE);
  }
  const path = await random2B(folder === undefined ? undefined : resolve(folder));
  console.log(`${path}\n\nMODEL=${path} npm start`);
}

/** The folder of such a checkpoint; written under another name first, so one that exists is complete. */
export async function random2B(folder = join(BENCH_FOLDER, "random-2b")): Promise<string> {
  if (!(await exists(folder))) {
    console.log("writing 4.3 GB of random weights");
    const unfinished = `${folder}.${process.pid}.tmp`;
    try {
      await writeRandom2B(unfinished);
      await rename(unfinished, folder);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }
  return folder;
}

export function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
