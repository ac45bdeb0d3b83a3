import { describe, expect, it } from "vitest";

import { ProcessorOptions, askedPixels } from "./processor-options.ts";

describe("ProcessorOptions", () => {
  it("takes numbers as strings of digits, and gives them in an order of its own", () => {
    const parsed = ProcessorOptions.parse({
      max_pixels: "4000",
      do_sample_frames: true,
      size: { longest_edge: "9", shortest_edge: 1 },
      fps: "1.5",
    });
    expect(JSON.stringify(parsed)).toBe(
      '{"fps":1.5,"do_sample_frames":true,"size":{"shortest_edge":1,"longest_edge":9},"max_pixels":4000}',
    );
    expect(ProcessorOptions.parse(parsed)).toEqual(parsed);
  });

  it.each([
    [{ patch_size: 8 }, []],
    [{ size: { height: 8 } }, ["size"]],
    [{ fps: 1, num_frames: 4 }, ["num_frames"]],
    [{ num_frames: 1 }, ["num_frames"]],
    [{ num_frames: 769 }, ["num_frames"]],
    [{ max_pixels: 1e12 }, ["max_pixels"]],
    [{ size: { longest_edge: 1e12 } }, ["size", "longest_edge"]],
    [{ min_pixels: 2, max_pixels: 1 }, []],
    [{ cap_pixels_per_frame: false }, ["cap_pixels_per_frame"]],
  ])("refuses %j", (options, path) => {
    expect(ProcessorOptions.safeParse(options).error?.issues[0]).toMatchObject({ path });
  });
});

describe("askedPixels", () => {
  it("lets min_pixels and max_pixels count before size, as vLLM does", () => {
    const size = { shortest_edge: 1, longest_edge: 8 };
    expect(askedPixels({ size })).toEqual({ shortest: 1, longest: 8 });
    expect(askedPixels({ size, max_pixels: 4 })).toEqual({ shortest: 1, longest: 4 });
    expect(askedPixels({ min_pixels: 2, size: { longest_edge: 8 } })).toEqual({
      shortest: 2,
      longest: 8,
    });
  });
});
