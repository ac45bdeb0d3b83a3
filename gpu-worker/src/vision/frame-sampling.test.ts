import { ApiError } from "@qwen3-vl/shared/errors";
import { describe, expect, it } from "vitest";

import {
  processorFrames,
  processorThins,
  qwenVlUtilsFrames,
  qwenVlUtilsThins,
} from "./frame-sampling.ts";
import { clipSettings } from "./test-clips.ts";

describe("processorFrames", () => {
  it("takes two frames a second, spread over the clip, halves rounded to even", () => {
    expect(processorFrames({ frames: 150, fps: 30 }, clipSettings)).toEqual([
      0, 17, 33, 50, 66, 83, 99, 116, 132, 149,
    ]);
    expect(processorFrames({ frames: 6, fps: 1.25 }, clipSettings)).toHaveLength(6);
  });

  it("takes at least four frames, and never more than there are or than 768", () => {
    expect(processorFrames({ frames: 30, fps: 30 }, clipSettings)).toEqual([0, 10, 19, 29]);
    expect(processorFrames({ frames: 2, fps: 25 }, clipSettings)).toEqual([0, 1]);
    expect(processorFrames({ frames: 180_000, fps: 25 }, clipSettings)).toHaveLength(768);
  });
});

describe("qwenVlUtilsFrames", () => {
  const clip = { frames: 150, fps: 30 };

  it("follows fps, nframes, min_frames and max_frames, always in pairs", () => {
    expect(qwenVlUtilsFrames(clip, { fps: 1 })).toEqual([0, 50, 99, 149]);
    expect(qwenVlUtilsFrames(clip, { nframes: 9 })).toHaveLength(8);
    expect(qwenVlUtilsFrames(clip, { fps: 1, min_frames: 11 })).toHaveLength(12);
    expect(qwenVlUtilsFrames(clip, { fps: 10, max_frames: 7 })).toHaveLength(6);
  });

  it("stays between video_start and video_end", () => {
    expect(qwenVlUtilsFrames(clip, { video_start: 1.5, video_end: 3.5 })).toEqual([
      45, 65, 85, 105,
    ]);
    expect(qwenVlUtilsFrames(clip, { video_start: 4, video_end: 1000 }).at(-1)).toBe(149);
  });

  it("gives a client no more than 768 frames, whatever it asks for", () => {
    const long = { frames: 100_000, fps: 25 };
    for (const options of [{ fps: 1e9 }, { nframes: 1e9 }, { max_frames: 1e9, fps: 1e6 }]) {
      expect(qwenVlUtilsFrames(long, options)).toHaveLength(768);
    }
  });

  it("counts in 32 bits, as torch does, which the last places of long clips show", () => {
    const frames = 200_001;
    const indices = qwenVlUtilsFrames({ frames, fps: 25 }, { max_frames: 768 });
    const exact = (place: number) => Math.round((place * (frames - 1)) / 767);
    const differing = indices.flatMap((index, place) =>
      index === exact(place) ? [] : [[place, index, exact(place)]],
    );
    expect(differing).toEqual([
      [121, 31_552, 31_551],
      [605, 157_758, 157_757],
      [646, 168_448, 168_449],
    ]);
  });

  it.each([
    [{ fps: 1, nframes: 4 }, "nframes", "got both"],
    [{ nframes: 1 }, "nframes", "got 0"],
    [{ max_frames: 1 }, "max_frames", "got 0"],
    [{ nframes: 152 }, "nframes", "got 152"],
    [{ video_start: 3, video_end: 2 }, "video_start", "5.00 s"],
    [{ video_start: 99 }, "video_start", "5.00 s"],
    [{ video_end: 0 }, "video_end", "5.00 s"],
  ])("refuses %j and names the option", (options, param, says) => {
    const refused = () => qwenVlUtilsFrames(clip, options);
    expect(refused).toThrow(says);
    expect(refused).toThrow(expect.objectContaining({ param, code: "invalid_request" }));
    expect(refused).toThrow(ApiError);
  });

  it("refuses a clip of a single frame, which is no pair", () => {
    expect(() => qwenVlUtilsFrames({ frames: 1, fps: 25 }, { fps: 2 })).toThrow("expected 2 to 1");
  });
});

describe("frames that a maximum leaves out", () => {
  const hours = { frames: 216_000, fps: 30 };
  const minutes = { frames: 9000, fps: 30 };

  it("are known for the processor", () => {
    expect(processorThins(hours, clipSettings)).toBe(true);
    expect(processorThins(minutes, clipSettings)).toBe(false);
    expect(processorThins(hours, { ...clipSettings, frameCount: 10 })).toBe(false);
  });

  it("are known for qwen-vl-utils", () => {
    expect(qwenVlUtilsThins(hours, {})).toBe(true);
    expect(qwenVlUtilsThins(minutes, {})).toBe(false);
    expect(qwenVlUtilsThins(minutes, { fps: 3 })).toBe(true);
    expect(qwenVlUtilsThins(minutes, { max_frames: 100 })).toBe(true);
    expect(qwenVlUtilsThins(hours, { video_start: 10, video_end: 300 })).toBe(false);
    expect(qwenVlUtilsThins(hours, { nframes: 10 })).toBe(false);
    expect(qwenVlUtilsThins({ frames: 700, fps: 0.1 }, { fps: 2 })).toBe(false); // all that there are
  });
});
