import { describe, expect, it } from "vitest";

import { parsePreprocessorConfig } from "./preprocessor-config.ts";

const published = {
  image_mean: [0.5, 0.5, 0.5],
  image_std: [0.5, 0.5, 0.5],
  merge_size: 2,
  patch_size: 16,
  rescale_factor: 0.00392156862745098,
  temporal_patch_size: 2,
  size: { longest_edge: 16_777_216, shortest_edge: 65_536 },
  image_processor_type: "Qwen2VLImageProcessorFast",
};

describe("parsePreprocessorConfig", () => {
  it("reads a published configuration, whatever else is in it", () => {
    expect(parsePreprocessorConfig(published)).toEqual({
      patchSize: 16,
      temporalPatchSize: 2,
      mergeSize: 2,
      minPixels: 65_536,
      maxPixels: 16_777_216,
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      rescale: 1 / 255,
    });
  });

  it.each([
    ["patch_size", { ...published, patch_size: 0 }],
    ["image_std", { ...published, image_std: [0.5, 0, 0.5] }],
    ["size", { ...published, size: { shortest_edge: 2, longest_edge: 1 } }],
    ["size.longest_edge", { ...published, size: { shortest_edge: 2 } }],
  ])("names %s when it makes no sense", (field, config) => {
    expect(() => parsePreprocessorConfig(config)).toThrow(`at ${field}`);
  });
});
