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
  const patches = new Float32Array(patchesLength(video, settings));
  cutPatches(video, settings, { patches, values: normalisedBytes(settings) });
  return patches;
}

/** The same as bytes: a quarter of the memory while they travel. `normalise` makes patches of them. */
export function toBytePatches(video: Frames, settings: VisionSettings): Uint8Array<ArrayBuffer> {
  const patches = new Uint8Array(patchesLength(video, settings));
  const values = Uint8Array.from({ length: CHANNELS * 256 }, (_, index) => index); // modulo 256
  cutPatches(video, settings, { patches, values });
  return patches;
}

/** Normalises whole byte patches into `target`, which is as long. */
export function normalise(
  bytes: Uint8Array,
  settings: VisionSettings,
  target: Float32Array<ArrayBuffer>,
): void {
  const { patchSize, temporalPatchSize } = settings;
  const normalised = normalisedBytes(settings);
  const channelLength = temporalPatchSize * patchSize ** 2;
  let next = 0;
  while (next < bytes.length) {
    for (let channel = 0; channel < CHANNELS; channel++) {
      const values = normalised.subarray(channel * 256, (channel + 1) * 256);
      for (const end = next + channelLength; next < end; next++) {
        target[next] = values[bytes[next]!]!;
      }
    }
  }
}

function patchesLength(
  { frames, height, width }: Frames,
  { temporalPatchSize }: VisionSettings,
): number {
  return Math.ceil(frames / temporalPatchSize) * temporalPatchSize * height * width * CHANNELS;
}

/** Patches to fill, and what each byte becomes in each channel, shape [3, 256]. */
interface Target {
  patches: Float32Array | Uint8Array;
  values: Float32Array | Uint8Array;
}

function cutPatches(video: Frames, settings: VisionSettings, { patches, values }: Target): void {
  const { frames, height, width } = video;
  const { patchSize, temporalPatchSize, mergeSize } = settings;
  assertDivisible("height", height, patchSize * mergeSize);
  assertDivisible("width", width, patchSize * mergeSize);

  const rowLength = CHANNELS * temporalPatchSize * patchSize * patchSize;
  let row = 0;
  for (const { frame, top, left } of patchOrigins(video, settings)) {
    const patch = patches.subarray(row, row + rowLength);
    for (let t = 0; t < temporalPatchSize; t++) {
      const origin = { frame: Math.min(frame + t, frames - 1), top, left };
      copyFrame(video, origin, values, { patch, t, patchSize, temporalPatchSize });
    }
    row += rowLength;
  }
}

/** Where one frame goes: place `t` of a `patch` of shape [3, temporalPatch, patch, patch]. */
interface FrameSlot {
  patch: Float32Array | Uint8Array;
  t: number;
  patchSize: number;
  temporalPatchSize: number;
}

/** One pass over the pixels writes all three channels. */
function copyFrame(
  { data, height, width }: Frames,
  { frame, top, left }: PatchOrigin,
  values: Float32Array | Uint8Array,
  { patch, t, patchSize, temporalPatchSize }: FrameSlot,
): void {
  const planeLength = patchSize * patchSize;
  let red = t * planeLength;
  let green = red + temporalPatchSize * planeLength;
  let blue = green + temporalPatchSize * planeLength;
  for (let y = top; y < top + patchSize; y++) {
    const start = ((frame * height + y) * width + left) * CHANNELS;
    for (let from = start; from < start + patchSize * CHANNELS; from += CHANNELS) {
      patch[red++] = values[data[from]!]!;
      patch[green++] = values[256 + data[from + 1]!]!;
      patch[blue++] = values[512 + data[from + 2]!]!;
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
