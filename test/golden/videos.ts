import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { ClipOptions } from "@qwen3-vl/shared/content-part";
import * as z from "zod";

import type { ClipSettings } from "../../gpu-worker/src/vision/video-processor-config.ts";
import { collectClip } from "../support/collect-clip.ts";
import { checkPatches } from "./check-patches.ts";
import { checkEqual } from "./check.ts";
import type { Check } from "./check.ts";

const Values = z.object({
  frame_indices: z.array(z.int()),
  timestamps: z.array(z.string()),
  grid_thw: z.tuple([z.int(), z.int(), z.int()]),
  rows: z.int(),
  columns: z.int(),
  mean: z.number(),
  std: z.number(),
  probes: z.array(z.tuple([z.number(), z.number(), z.number()])).min(1),
});

const Recording = z.object({
  file: z.string(),
  part: ClipOptions,
  qwen_vl_utils: Values,
  /** Only where the part has no options. */
  processor: Values.optional(),
});

/** What every published Qwen3-VL checkpoint says in `video_preprocessor_config.json`. */
const PUBLISHED_SETTINGS: ClipSettings = {
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

/** Colour conversion differs between builds of FFmpeg. */
const PIXEL_LEVELS = 4;

/** What qwen-vl-utils takes for a part that says nothing. */
const DEFAULT_OPTIONS: ClipOptions = { fps: 2 };

/** Compares the preprocessing of every clip recorded in `media/videos.json`, found in `files`. */
export async function* checkVideos(options: {
  media: string;
  files: string;
}): AsyncGenerator<Check> {
  const json: unknown = JSON.parse(await readFile(join(options.media, "videos.json"), "utf8"));
  for (const { file, part, qwen_vl_utils: utils, processor } of z.array(Recording).parse(json)) {
    const bytes = await readFile(join(options.files, file));
    const hasOptions = Object.keys(part).length > 0;
    const name = `videos/${file} ${JSON.stringify(part)}`;
    const asUtils = hasOptions ? part : DEFAULT_OPTIONS;
    yield* checkClip(`${name} as qwen-vl-utils`, bytes, asUtils, utils);
    if (processor !== undefined) {
      yield* checkClip(`${name} as the processor`, bytes, {}, processor);
    }
  }
}

async function* checkClip(
  name: string,
  bytes: Uint8Array,
  options: ClipOptions,
  recorded: z.infer<typeof Values>,
): AsyncGenerator<Check> {
  const { plan, patches } = await collectClip({
    input: { kind: "container", bytes },
    options,
    settings: PUBLISHED_SETTINGS,
    maxTokens: Infinity,
    planOnly: false,
  });
  const { t, h, w } = plan.grid;
  yield checkEqual(`${name}: frames`, plan.indices, recorded.frame_indices);
  yield checkEqual(`${name}: grid`, [t, h, w], recorded.grid_thw);
  yield checkEqual(`${name}: times`, plan.timestamps.map(Number), recorded.timestamps.map(Number));
  yield checkEqual(
    `${name}: rows, columns`,
    [t * h * w, patches.length / (t * h * w)],
    [recorded.rows, recorded.columns],
  );
  yield* checkPatches(name, patches, recorded, PIXEL_LEVELS);
}
