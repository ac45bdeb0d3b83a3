import { describe, expect, it } from "vitest";

import { askedClipSettings, askedImageSettings } from "./asked-settings.ts";
import { planClip } from "./clip-plan.ts";
import { gridOf, tokensOf } from "./grid.ts";
import { targetSize } from "./target-size.ts";
import { clipSettings } from "./test-clips.ts";

const imageSettings = { ...clipSettings, minPixels: 65_536, maxPixels: 16_777_216 };

/** Six seconds. */
const clip = { frames: 60, averageFps: 10, measuredFps: 10, width: 320, height: 240 };

function planned(options: Parameters<typeof askedClipSettings>[1]) {
  const { grid, indices } = planClip(clip, {}, askedClipSettings(clipSettings, options));
  return [[grid.t, grid.h, grid.w], indices];
}

function gridOfPicture(options: Parameters<typeof askedImageSettings>[1]) {
  const settings = askedImageSettings(imageSettings, options);
  const { t, h, w } = gridOf(targetSize({ width: 1200, height: 900 }, {}, settings), 16);
  return [t, h, w];
}

const everyHalfSecond = [0, 5, 11, 16, 21, 27, 32, 38, 43, 48, 54, 59];
const seven = [0, 10, 20, 30, 39, 49, 59];

describe("a clip (recorded with transformers 5.23.0, cap_pixels_per_frame on)", () => {
  it.each([
    [{}, [6, 16, 20], everyHalfSecond],
    [{ fps: 1 }, [3, 16, 20], [0, 12, 24, 35, 47, 59]],
    [{ fps: 0.1 }, [2, 16, 20], [0, 20, 39, 59]],
    [{ num_frames: 7 }, [4, 16, 20], seven],
    [{ num_frames: 2 }, [1, 16, 20], [0, 59]],
    [{ max_frames: 6 }, [3, 16, 20], [0, 12, 24, 35, 47, 59]],
    [{ max_frames: 3 }, [2, 16, 20], [0, 30, 59]],
    [
      { min_frames: 20 },
      [10, 16, 20],
      [0, 3, 6, 9, 12, 16, 19, 22, 25, 28, 31, 34, 37, 40, 43, 47, 50, 53, 56, 59],
    ],
    [{ max_video_tokens: 40 }, [6, 10, 14], everyHalfSecond],
    [{ size: { longest_edge: 300_000, shortest_edge: 4096 } }, [6, 8, 10], everyHalfSecond],
    // vLLM hands the clip's processor the limits of these spellings as its `size`.
    [{ size: { longest_edge: 300_000 } }, [6, 8, 10], everyHalfSecond],
    [{ max_pixels: 300_000 }, [6, 8, 10], everyHalfSecond],
  ])("is planned by %j as the processor does it", (options, grid, indices) => {
    expect(planned(options)).toEqual([grid, indices]);
  });

  it("gives every frame without sampling, and frames twice where more are asked for than it has", () => {
    expect(planned({ do_sample_frames: false })).toEqual([[30, 16, 20], [...Array(60).keys()]]);
    const [grid, indices] = planned({ num_frames: 100 });
    expect(grid).toEqual([50, 16, 20]);
    expect(indices?.slice(0, 8)).toEqual([0, 1, 1, 2, 2, 3, 4, 4]);
  });

  it("is refused without sampling when it has more frames than the checkpoint takes", () => {
    const settings = askedClipSettings(clipSettings, { do_sample_frames: false });
    expect(() => planClip({ ...clip, frames: 769 }, {}, settings)).toThrow(
      "at most 768 frames without sampling (do_sample_frames: false), got 769",
    );
  });

  it("follows its own options alone where it has any", () => {
    const settings = askedClipSettings(clipSettings, { fps: 1, max_pixels: 4096 });
    expect(planClip(clip, { fps: 2 }, settings)).toEqual(planClip(clip, { fps: 2 }, clipSettings));
  });
});

describe("a picture (recorded with transformers 5.23.0)", () => {
  it.each([
    [{}, [1, 56, 76]],
    [{ max_pixels: 300_000 }, [1, 28, 38]],
    [{ min_pixels: 2_000_000 }, [1, 78, 104]],
    [{ size: { longest_edge: 300_000, shortest_edge: 4096 } }, [1, 28, 38]],
    [{ fps: 1, num_frames: 4 }, [1, 56, 76]],
  ])("is sized by %j as the processor does it", (options, grid) => {
    expect(gridOfPicture(options)).toEqual(grid);
  });
});

describe("limits", () => {
  const large = { ...clip, frames: 20_000, width: 3840, height: 2160 };
  const tokens = (options: Parameters<typeof askedClipSettings>[1]) =>
    tokensOf(planClip(large, {}, askedClipSettings(clipSettings, options)).grid, 2);

  it.each([
    { max_pixels: 100_000_000 },
    { min_pixels: 100_000_000 },
    { size: { shortest_edge: 90_000_000, longest_edge: 100_000_000 } },
    { max_frames: 1e9, fps: 1e9 },
    { min_frames: 1e9 },
    { num_frames: 768 },
    { max_video_tokens: 1e9 },
  ])("are not raised by %j", (options) => {
    expect(tokens(options)).toBeLessThanOrEqual(tokens({}));
  });

  it("hold for a raised minimum of pictures too, but for the processor's rounding up", () => {
    // 222 · 296 patches are 16,822,272 pixels; transformers gives the same for its own maximum.
    expect(gridOfPicture({ min_pixels: 100_000_000 })).toEqual([1, 222, 296]);
  });

  it("below the checkpoint's least lower that too, down to one token", () => {
    expect(gridOfPicture({ max_pixels: 1 })).toEqual([1, 2, 2]);
    expect(planned({ max_pixels: 1, num_frames: 2 })[0]).toEqual([1, 2, 2]);
  });
});
