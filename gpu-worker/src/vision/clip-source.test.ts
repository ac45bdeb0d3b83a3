import { Log } from "node-av";
import {
  AVCOL_SPC_BT709,
  AV_LOG_QUIET,
  FF_ENCODER_LIBX265,
  FF_ENCODER_LIBSVTAV1,
  FF_ENCODER_LIBVPX_VP8,
  FF_ENCODER_LIBX264,
  FF_ENCODER_MPEG1VIDEO,
  FF_ENCODER_MPEG2VIDEO,
  FF_ENCODER_MPEG4,
} from "node-av/constants";
import { describe, expect, it } from "vitest";

import { ClipSource } from "./clip-source.ts";
import type { RgbImage } from "./resample.ts";
import { readClip } from "./test-clips.ts";
import { encodeClip } from "./test-encoded-clips.ts";
import type { ClipSpec } from "./test-encoded-clips.ts";

const FRAMES = 250;
const h264 = { encoder: FF_ENCODER_LIBX264, bFrames: 2, keyDistance: 30 } as const;

function clipOf(spec: Omit<ClipSpec, "frames"> & { frames?: number }): Buffer {
  return encodeClip({ frames: FRAMES, ...spec });
}

/** Mean red in the middle of one half, as luma. */
function lumaAt({ data, width, height }: RgbImage, half: 0 | 1): number {
  const x = Math.floor((width * (1 + 2 * half)) / 4);
  const value = data[(Math.floor(height / 2) * width + x) * 3] ?? 0;
  return (value / 255) * 219;
}

/** Which frame it is, by what `placeLuma` painted. */
function placeOf(image: RgbImage): number {
  return Math.round(lumaAt(image, 0) / 14) + 16 * Math.round(lumaAt(image, 1) / 14);
}

function placesOf(bytes: Uint8Array, places: readonly number[]): number[] {
  return [...new ClipSource(bytes).decode(places)].map(placeOf);
}

function firstFrame(bytes: Uint8Array): RgbImage {
  const [image] = new ClipSource(bytes).decode([0]);
  if (image === undefined) {
    throw new Error("the clip has no first frame");
  }
  return image;
}

// FFmpeg's words about clips that are damaged on purpose, and those of the AV1 encoder.
Log.setLevel(AV_LOG_QUIET);
process.env["SVT_LOG"] = "1";

describe("ClipSource", () => {
  it.each<[string, Omit<ClipSpec, "frames">]>([
    ["MP4 with its index at the end", { ...h264, muxer: "mp4" }],
    [
      "MP4 with its index first",
      { ...h264, muxer: "mp4", muxerOptions: { movflags: "faststart" } },
    ],
    ["MP4, H.265", { ...h264, encoder: FF_ENCODER_LIBX265, muxer: "mp4" }],
    ["MP4, AV1", { encoder: FF_ENCODER_LIBSVTAV1, muxer: "mp4", keyDistance: 64 }],
    ["MP4 in fragments", { ...h264, muxer: "mp4", muxerOptions: { movflags: "frag_keyframe" } }],
    ["MP4 of key frames alone", { encoder: FF_ENCODER_MPEG4, muxer: "mp4", keyDistance: 1 }],
    ["MOV", { encoder: FF_ENCODER_MPEG4, muxer: "mov", bFrames: 1 }],
    ["MKV", { ...h264, muxer: "matroska" }],
    ["WebM, VP8", { encoder: FF_ENCODER_LIBVPX_VP8, muxer: "webm" }],
    ["AVI", { encoder: FF_ENCODER_MPEG4, muxer: "avi" }],
    ["AVI that tells only times of decoding", { ...h264, muxer: "avi" }],
    ["MPEG transport stream", { ...h264, muxer: "mpegts" }],
    ["MPEG program stream", { encoder: FF_ENCODER_MPEG2VIDEO, muxer: "mpeg", bFrames: 2 }],
    [
      "bare MPEG, which has no times",
      { encoder: FF_ENCODER_MPEG1VIDEO, muxer: "mpeg1video", bFrames: 2 },
    ],
  ])("finds frames by their place in %s", (_, spec) => {
    const places = [0, 3, 7, 100, 101, 101, 180, 249];
    const bytes = clipOf(spec);
    expect(new ClipSource(bytes)).toMatchObject({ frames: FRAMES, averageFps: 25 });
    expect(placesOf(bytes, places)).toEqual(places);
    expect(placesOf(bytes, [177])).toEqual([177]);
  });

  it.each([
    ["BT.601 where a clip names none", undefined, [236, 89, 0]],
    ["BT.709 where it names that", AVCOL_SPC_BT709, [250, 97, 0]],
  ])("converts colours by %s", (_, colorSpace, expected) => {
    const named = colorSpace === undefined ? {} : { colorSpace };
    const bytes = clipOf({
      ...h264,
      ...named,
      lumaOf: () => [120, 120],
      chroma: [60, 200],
      muxer: "mp4",
      frames: 2,
    });
    const [red = 0, green = 0, blue = 0] = firstFrame(bytes).data;
    const errors = [red, green, blue].map((value, i) => Math.abs(value - (expected[i] ?? 0)));
    expect(Math.max(...errors)).toBeLessThanOrEqual(2);
  });

  it("turns frames upright", () => {
    const quarter = Buffer.alloc(36);
    [0, 65_536, 0, -65_536, 0, 0, 0, 0, 2 ** 30].forEach((value, index) => {
      quarter.writeInt32LE(value, index * 4);
    });
    const bytes = clipOf({
      encoder: FF_ENCODER_MPEG4,
      muxer: "mp4",
      frames: 2,
      width: 96,
      displayMatrix: quarter,
      lumaOf: () => [16, 235],
    });
    const source = new ClipSource(bytes);
    expect([source.width, source.height]).toEqual([64, 96]);
    const { data, width, height } = firstFrame(bytes);
    expect([width, height]).toEqual([64, 96]);
    expect([data[0], data.at(-1)]).toEqual([0, 255]);
  });

  it("replaces frames that are lost by those that are not", () => {
    const bytes = clipOf({ ...h264, muxer: "matroska" });
    const places = placesOf(bytes.subarray(0, bytes.length * 0.7), [0, 30]);
    expect(places).toEqual([0, 30]);
    bytes.fill(0xff, 3000, 3400);
    expect([...new ClipSource(bytes).decode([0, 60, 120, 180])]).toHaveLength(4);
  });

  it("tells the rate by the container and by the frames' times", () => {
    const { averageFps, measuredFps } = new ClipSource(readClip("clip-h264-variable-rate.mp4"));
    expect(averageFps).toBe(15);
    expect(measuredFps).toBeCloseTo(14.229, 3);
  });
});
