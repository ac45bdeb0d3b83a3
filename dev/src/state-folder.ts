import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";

import * as z from "zod";

import { StartError } from "./settings.ts";

const SystemError = z.object({ code: z.string() });

/** Makes the folder unless it is there. @throws StartError when nothing can be written into it */
export async function openStateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.W_OK);
  } catch (cause) {
    const code = SystemError.safeParse(cause).data?.code ?? "unknown error";
    throw new StartError(`STATE_DIR=${path}: expected a folder that can be written, got ${code}`, {
      cause,
    });
  }
}
