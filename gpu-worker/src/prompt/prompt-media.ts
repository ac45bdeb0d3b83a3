import { tokensOf } from "../vision/grid.ts";
import type { Grid } from "../vision/grid.ts";

/** What a prompt needs to know of a picture or clip. */
export interface PromptMedium {
  /** In patches; a picture is one frame pair. */
  grid: Grid;
  /** Only of a clip: the mean time of each frame pair in seconds, as it is written, e.g. `0.3`. */
  timestamps?: readonly string[] | undefined;
}

export type ClipMedium = PromptMedium & { timestamps: readonly string[] };

export function isClip(medium: PromptMedium): medium is ClipMedium {
  return medium.timestamps !== undefined;
}

/** Neighbouring vision tokens: those of a picture, or of one frame pair of a clip. */
export interface VisionBlock {
  kind: "image" | "video";
  grid: Grid;
  tokens: number;
}

/** The blocks of all media in the order of their tokens. */
export function visionBlocks(media: readonly PromptMedium[], mergeSize: number): VisionBlock[] {
  return media.flatMap((medium) => {
    const kind = isClip(medium) ? ("video" as const) : ("image" as const);
    const grid = { ...medium.grid, t: 1 };
    const block = { kind, grid, tokens: tokensOf(grid, mergeSize) };
    return Array.from({ length: medium.grid.t }, () => block);
  });
}
