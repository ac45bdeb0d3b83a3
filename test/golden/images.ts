import { readFile } from "node:fs/promises";
import path from "node:path";

import { PixelOptions } from "@qwen3-vl/shared/content-part";
import * as z from "zod";

import { prepareImage } from "../../gpu-worker/src/vision/prepare-image.ts";
import type { VisionSettings } from "../../gpu-worker/src/vision/preprocessor-config.ts";
import { checkPatches } from "./check-patches.ts";
import { checkEqual } from "./check.ts";
import type { Check } from "./check.ts";

const Recording = z.object({
  file: z.string(),
  /** `size` replaces the processor's limits; the other fields are those of a content part. */
  options: PixelOptions.extend({
    size: z.object({ shortest_edge: z.number(), longest_edge: z.number() }).optional(),
  }),
  width: z.number(),
  height: z.number(),
  grid_thw: z.tuple([z.number(), z.number(), z.number()]),
  rows: z.number(),
  columns: z.number(),
  mean: z.number(),
  std: z.number(),
  probes: z.array(z.tuple([z.number(), z.number(), z.number()])).min(1),
});
type Recording = z.infer<typeof Recording>;

/** What every published Qwen3-VL checkpoint says in `preprocessor_config.json`. */
const PUBLISHED_SETTINGS: VisionSettings = {
  patchSize: 16,
  temporalPatchSize: 2,
  mergeSize: 2,
  minPixels: 65_536,
  maxPixels: 16_777_216,
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  rescale: 1 / 255,
};

/** Resampled bytes may differ by so many levels. */
const PIXEL_LEVELS = 2;

/** Compares the preprocessing of every picture recorded in `media/images.json`, found in `files`. */
export async function* checkImages(options: {
  media: string;
  files: string;
}): AsyncGenerator<Check> {
  const json: unknown = JSON.parse(await readFile(path.join(options.media, "images.json"), "utf8"));
  for (const recording of z.array(Recording).min(1).parse(json)) {
    const bytes = await readFile(path.join(options.files, recording.file));
    yield* checkImage(recording, bytes);
  }
}

async function* checkImage(recording: Recording, bytes: Uint8Array): AsyncGenerator<Check> {
  const { size, ...partOptions } = recording.options;
  const name = `images/${recording.file}${size ? ` up to ${size.longest_edge} pixels` : ""}`;
  const limits = size && { minPixels: size.shortest_edge, maxPixels: size.longest_edge };
  const image = await prepareImage(bytes, partOptions, { ...PUBLISHED_SETTINGS, ...limits });

  const { t, h, w } = image.grid;
  const { width, height, grid_thw: grid, rows, columns } = recording;
  yield checkEqual(`${name}: width, height`, [image.width, image.height], [width, height]);
  yield checkEqual(`${name}: grid`, [t, h, w], grid);
  yield checkEqual(
    `${name}: rows, columns`,
    [t * h * w, image.patches.length / (t * h * w)],
    [rows, columns],
  );
  yield* checkPatches(name, image.patches, recording, PIXEL_LEVELS);
}
