import { basename, join } from "node:path";

import type { Config } from "../config.ts";
import type { Logger } from "../log.ts";
import { fetchCheckpoint } from "./fetch-checkpoint.ts";
import { parseModelSource } from "./model-source.ts";
import { logDisplay, terminalDisplay } from "./progress-display.ts";

export interface LocatedModel {
  /** What clients call it: the id on the hub, or the folder's name. */
  id: string;
  folder: string;
}

/**
 * The folder of the model that `MODEL` names, fetched if need be.
 *
 * @throws CheckpointError
 */
export async function locateModel(
  { model, cacheFolder, hub }: Pick<Config, "model" | "cacheFolder" | "hub">,
  logger: Logger,
): Promise<LocatedModel> {
  const source = await parseModelSource(model);
  if (source.kind === "folder") {
    return { id: basename(source.folder), folder: source.folder };
  }
  const folder = await fetchCheckpoint(source.reference, {
    cacheFolder: join(cacheFolder, "checkpoints"),
    hub,
    display: process.stderr.isTTY ? terminalDisplay(process.stderr) : logDisplay(logger),
  });
  return { id: source.reference.repository, folder };
}
