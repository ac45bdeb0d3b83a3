import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { ClipSettings } from "./video-processor-config.ts";

/** What published checkpoints say of clips; for tests. */
export const clipSettings: ClipSettings = {
  patchSize: 16,
  temporalPatchSize: 2,
  mergeSize: 2,
  minPixels: 4096,
  maxPixels: 25_165_824,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  rescale: 1 / 255,
  fps: 2,
  minFrames: 4,
  maxFrames: 768,
  maxFrameTokens: 768,
  frameFloorPixels: 4096,
};

/** One of the recorded clips. */
export function readClip(name: string): Buffer {
  return readFileSync(join(import.meta.dirname, "../../../test/golden/data/files", name));
}
