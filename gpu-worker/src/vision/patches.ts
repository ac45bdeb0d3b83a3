// oxlint-disable typescript/no-non-null-assertion -- kernel over typed arrays, indexed per sample
import type { VisionSettings } from "./preprocessor-config.ts";

/** 8-bit frames of one size: RGB interleaved, shape [frames, height, width, 3]. */
export interface Frames {
  data: Uint8Array;
  frames: number;
  height: number;
  width: number;
}

/** Top-left corner of a patch and its first frame. */
interface PatchOrigin {
  frame: number;
  top: number;
  left: number;
}

const CHANNELS = 3;

/**
 * Normalises frames and cuts them into flat patches,
 * shape [gridT * gridH * gridW, 3 * temporalPatch * patch * patch].
 *
 * Rows go by merge window, so the `merge * merge` patches that later become one token are adjacent.
 * The last frame is repeated until the frames fill whole patches: a picture is its own second frame.
 */
export function toPatches(video: Frames, settings: VisionSettings): Float32Array<ArrayBuffer> {
  const { frames, height, width } = video;
  const { patchSize, temporalPatchSize, mergeSize } = settings;
  assertDivisible("height", height, patchSize * mergeSize);
  assertDivisible("width", width, patchSize * mergeSize);

  const normalised = normalisedBytes(settings);
  const patchFrames = Math.ceil(frames / temporalPatchSize) * temporalPatchSize;
  const patches = new Float32Array(patchFrames * height * width * CHANNELS);
  const planeLength = patchSize * patchSize;
  const rowLength = CHANNELS * temporalPatchSize * planeLength;
  let row = 0;
  for (const { frame, top, left } of patchOrigins(video, settings)) {
    const patch = patches.subarray(row, row + rowLength);
    for (let t = 0; t < temporalPatchSize; t++) {
      const origin = { frame: Math.min(frame + t, frames - 1), top, left };
      copyFrame(video, origin, normalised, { patch, t, patchSize, temporalPatchSize });
    }
    row += rowLength;
  }
  return patches;
}

/** Where one frame goes: place `t` of a `patch` of shape [3, temporalPatch, patch, patch]. */
interface FrameSlot {
  patch: Float32Array;
  t: number;
  patchSize: number;
  temporalPatchSize: number;
}

/** One pass over the pixels writes all three channels. */
function copyFrame(
  { data, height, width }: Frames,
  { frame, top, left }: PatchOrigin,
  normalised: Float32Array,
  { patch, t, patchSize, temporalPatchSize }: FrameSlot,
): void {
  const planeLength = patchSize * patchSize;
  let red = t * planeLength;
  let green = red + temporalPatchSize * planeLength;
  let blue = green + temporalPatchSize * planeLength;
  for (let y = top; y < top + patchSize; y++) {
    const start = ((frame * height + y) * width + left) * CHANNELS;
    for (let from = start; from < start + patchSize * CHANNELS; from += CHANNELS) {
      patch[red++] = normalised[data[from]!]!;
      patch[green++] = normalised[256 + data[from + 1]!]!;
      patch[blue++] = normalised[512 + data[from + 2]!]!;
    }
  }
}

/** What each byte becomes, shape [3, 256]. */
function normalisedBytes({ mean, std, rescale }: VisionSettings): Float32Array {
  return Float32Array.from({ length: CHANNELS * 256 }, (_, i) => {
    const channel = i >> 8;
    return ((i & 255) * rescale - mean[channel]!) / std[channel]!;
  });
}

/** Origins of all patches, in the order of the output rows. */
function* patchOrigins(
  { frames, height, width }: Frames,
  { patchSize, temporalPatchSize, mergeSize }: VisionSettings,
): Generator<PatchOrigin> {
  const window = patchSize * mergeSize;
  for (let frame = 0; frame < frames; frame += temporalPatchSize) {
    for (let windowTop = 0; windowTop < height; windowTop += window) {
      for (let windowLeft = 0; windowLeft < width; windowLeft += window) {
        for (let cell = 0; cell < mergeSize * mergeSize; cell++) {
          const top = windowTop + Math.floor(cell / mergeSize) * patchSize;
          const left = windowLeft + (cell % mergeSize) * patchSize;
          yield { frame, top, left };
        }
      }
    }
  }
}

function assertDivisible(name: string, value: number, divisor: number): void {
  if (value % divisor !== 0) {
    throw new RangeError(`${name} ${value} is not a multiple of ${divisor}`);
  }
}
