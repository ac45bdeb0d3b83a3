import type { ClipOptions } from "@qwen3-vl/shared/content-part";
import { ApiError } from "@qwen3-vl/shared/errors";

import type { ClipBytes } from "./clip-bytes.ts";
import { planClip, planFrameList } from "./clip-plan.ts";
import type { ClipPlan, ContainedClip } from "./clip-plan.ts";
import { ClipSource } from "./clip-source.ts";
import { decodeImage } from "./decode-image.ts";
import { tokensOf } from "./grid.ts";
import { readImageHeader } from "./image-header.ts";
import { toBytePatches } from "./patches.ts";
import { resample } from "./resample.ts";
import type { RgbImage } from "./resample.ts";
import type { ClipSettings } from "./video-processor-config.ts";

/** A clip in a container, or as the list of its frames with their rate. */
export type ClipInput =
  | { kind: "container"; bytes: ClipBytes }
  | { kind: "frames"; frames: readonly Uint8Array[]; sampleFps: number };

export interface ClipTask {
  input: ClipInput;
  options: ClipOptions;
  settings: ClipSettings;
  /** Tokens beyond which the clip is refused before it is decoded. */
  maxTokens: number;
  /** Whether the plan is all that is wanted. */
  planOnly: boolean;
}

/** A clip on its way: its plan at once, and the byte patches of each frame pair as they are cut. */
export interface ClipStream {
  plan: ClipPlan;
  /** What was planned, of a container. */
  clip?: ContainedClip;
  /** Each [h · w, patch length], in order, to be normalised. */
  pairs: AsyncGenerator<Uint8Array<ArrayBuffer>>;
}

/**
 * Decodes, resizes and cuts a clip pair by pair, so that memory does not grow with its length.
 *
 * @param consume gets the stream, and takes of it what it needs
 */
export async function prepareClip(
  { input, options, settings, maxTokens }: ClipTask,
  consume: (stream: ClipStream) => Promise<void>,
): Promise<void> {
  if (input.kind === "frames") {
    const { frames, sampleFps } = input;
    const { width, height } = await ofFrame(0, () =>
      readImageHeader(frames[0] ?? new Uint8Array()),
    );
    const clip = { frames: frames.length, fps: sampleFps, width, height };
    const plan = planFrameList(clip, options, settings);
    assertFits(plan, settings, maxTokens);
    await consume({ plan, pairs: cutPairs(decodeFrames(frames), plan, settings) });
    return;
  }
  const source = new ClipSource(input.bytes);
  const { frames, width, height, averageFps, measuredFps } = source;
  const clip = { frames, width, height, averageFps, measuredFps };
  const plan = planClip(clip, options, settings);
  assertFits(plan, settings, maxTokens);
  await consume({ plan, clip, pairs: cutPairs(source.decode(plan.indices), plan, settings) });
}

async function* decodeFrames(frames: readonly Uint8Array[]): AsyncGenerator<RgbImage> {
  for (const [index, bytes] of frames.entries()) {
    yield await ofFrame(index, async () => decodeImage(bytes, await readImageHeader(bytes)));
  }
}

/** A client's error that names the frame of the list at fault. */
async function ofFrame<T>(index: number, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof ApiError ? error.at(`video.${index}`) : error;
  }
}

/** An odd last frame is its own second frame. */
async function* cutPairs(
  frames: Iterable<RgbImage> | AsyncIterable<RgbImage>,
  { firstSize, size }: ClipPlan,
  settings: ClipSettings,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { temporalPatchSize } = settings;
  const frameLength = size.width * size.height * 3;
  const pair = new Uint8Array(temporalPatchSize * frameLength);
  let filled = 0;
  for await (const frame of frames) {
    const first = firstSize === undefined ? frame : resample(frame, firstSize);
    pair.set(resample(first, size).data, filled * frameLength);
    filled++;
    if (filled === temporalPatchSize) {
      yield toBytePatches({ data: pair, frames: filled, ...size }, settings);
      filled = 0;
    }
  }
  if (filled > 0) {
    yield toBytePatches(
      { data: pair.subarray(0, filled * frameLength), frames: filled, ...size },
      settings,
    );
  }
}

function assertFits({ grid }: ClipPlan, { mergeSize }: ClipSettings, maxTokens: number): void {
  const tokens = tokensOf(grid, mergeSize);
  if (tokens > maxTokens) {
    throw new ApiError(
      "context_length_exceeded",
      `the clip has ${tokens} tokens, at most ${maxTokens} fit the context; ask for fewer frames or pixels`,
    );
  }
}
