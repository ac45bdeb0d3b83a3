import type { PixelOptions } from "@qwen3-vl/shared/content-part";
import { ApiError } from "@qwen3-vl/shared/errors";
import { move, transferableSymbol, valueSymbol } from "piscina";
import sharp from "sharp";

import { toOutcome } from "../threads/outcome.ts";
import { prepareImage } from "./prepare-image.ts";
import type { VisionSettings } from "./preprocessor-config.ts";

/** One picture to prepare; crosses the thread border as a plain value. */
export interface ImageTask {
  bytes: Uint8Array;
  options: PixelOptions;
  settings: VisionSettings;
  /** One shared cell: 1 once nobody waits for the outcome. */
  abandoned: Int32Array<SharedArrayBuffer>;
}

// The pool's size decides how many cores decode; a cache would only keep strangers' pictures.
sharp.concurrency(1);
sharp.cache(false);

/** Entry of a worker thread: what piscina calls for each task, answering an `Outcome<PreparedImage>`. */
export async function runImageTask(task: ImageTask): Promise<unknown> {
  const { bytes, options, settings, abandoned } = task;
  const outcome = await toOutcome(() => {
    if (Atomics.load(abandoned, 0) === 1) {
      // Left while it waited. A picture already being decoded is finished and thrown away.
      throw new ApiError("client_closed_request", "the client left before its picture's turn");
    }
    return prepareImage(bytes, options, settings);
  });
  return "failure" in outcome
    ? outcome
    : move({ [transferableSymbol]: [outcome.value.patches.buffer], [valueSymbol]: outcome });
}
