import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { ClipOptions } from "@qwen3-vl/shared/content-part";
import { describe, expect, it } from "vitest";
import * as z from "zod";

import { clipSettings } from "../../gpu-worker/src/vision/test-clips.ts";
import { collectClip } from "../support/collect-clip.ts";
import { checkPatches } from "./check-patches.ts";

const data = join(import.meta.dirname, "data");

const Recordings = z.array(
  z.object({
    frames: z.array(z.string()),
    part: z.object({ sample_fps: z.number().optional(), ...ClipOptions.shape }),
    timestamps: z.array(z.string()),
    grid_thw: z.tuple([z.int(), z.int(), z.int()]),
    columns: z.int(),
    mean: z.number(),
    std: z.number(),
    probes: z.array(z.tuple([z.number(), z.number(), z.number()])).min(1),
  }),
);
const recordings = Recordings.parse(
  JSON.parse(await readFile(join(data, "frame-lists/recorded.json"), "utf8")),
);

/** Bytes are resized twice, and torchvision rounds other halves than Pillow in the second. */
const PIXEL_LEVELS = 2;

describe("a list of frames with options is prepared as qwen-vl-utils does it", () => {
  it.each(recordings.map((recorded) => [recorded.frames.length, recorded.part, recorded] as const))(
    "%i frames, %j",
    async (_, { sample_fps: sampleFps = 2, ...options }, recorded) => {
      const frames = await Promise.all(recorded.frames.map((name) => readFile(join(data, name))));
      const { plan, patches } = await collectClip({
        input: { kind: "frames", frames, sampleFps },
        options,
        settings: clipSettings,
        maxTokens: Infinity,
        planOnly: false,
      });
      expect(plan.timestamps).toEqual(recorded.timestamps);
      expect([plan.grid.t, plan.grid.h, plan.grid.w]).toEqual(recorded.grid_thw);
      const checks = [...checkPatches("patches", patches, recorded, PIXEL_LEVELS)];
      expect(checks.filter((check) => !check.passed)).toEqual([]);
    },
  );
});
