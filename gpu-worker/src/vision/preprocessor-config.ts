import * as z from "zod";

/** No published checkpoint has patches above 16 pixels, merges above 2 or pairs above 2 frames. */
const MAX_PATCH_SIDE = 64;

const Rgb = z.tuple([z.number(), z.number(), z.number()]);
const PositiveRgb = Rgb.refine((values) => values.every((value) => value > 0), {
  error: "expected three numbers above 0",
});
const patchSide = z.int().positive().max(MAX_PATCH_SIDE);

/** `preprocessor_config.json` of a checkpoint; the fields that change pixels and no others. */
const PreprocessorConfig = z
  .object({
    patch_size: patchSide,
    temporal_patch_size: patchSide,
    merge_size: patchSide,
    // These are areas in pixels; the names come from processors that resized by edges.
    size: z.object({ shortest_edge: z.int().positive(), longest_edge: z.int().positive() }),
    image_mean: Rgb,
    image_std: PositiveRgb,
    rescale_factor: z.number().positive(),
  })
  .refine(({ size }) => size.shortest_edge <= size.longest_edge, {
    error: "expected shortest_edge to be at most longest_edge",
    path: ["size"],
  });

/** How the checkpoint wants its pixels. */
export interface VisionSettings {
  /** Side of a patch in pixels. */
  patchSize: number;
  /** Frames in one patch. */
  temporalPatchSize: number;
  /** Patches along one side of the window that becomes a token. */
  mergeSize: number;
  /** Area in pixels. */
  minPixels: number;
  /** Area in pixels. */
  maxPixels: number;
  /** Per channel, in units of `value * rescale`. */
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
  /** Turns a byte into the unit of `mean` and `std`. */
  rescale: number;
}

/** Parses `preprocessor_config.json`; throws when a field is missing or makes no sense. */
export function parsePreprocessorConfig(
  json: unknown,
  file = "preprocessor_config.json",
): VisionSettings {
  const parsed = PreprocessorConfig.safeParse(json);
  if (!parsed.success) {
    throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
  }
  const config = parsed.data;
  return {
    patchSize: config.patch_size,
    temporalPatchSize: config.temporal_patch_size,
    mergeSize: config.merge_size,
    minPixels: config.size.shortest_edge,
    maxPixels: config.size.longest_edge,
    mean: config.image_mean,
    std: config.image_std,
    rescale: config.rescale_factor,
  };
}
