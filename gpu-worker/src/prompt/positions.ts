import { tokensOf } from "../vision/grid.ts";
import type { Grid } from "../vision/grid.ts";

export interface VisionLayout {
  /** Token that stands for one merged patch of a picture. */
  imageToken: number;
  mergeSize: number;
}

export interface Positions {
  /** Time, row and column of each token, shape [3, length]. */
  positions: Int32Array;
  /** Next position minus length: what to add to a token's index while decoding. */
  ropeDelta: number;
}

/**
 * Interleaved MRoPE positions of a prompt with its pictures in order, grids in patches.
 *
 * Text counts on in all three. A picture at p has time p, row p + y and column p + x, and the text
 * after it goes on behind the larger side: https://arxiv.org/abs/2409.12191
 */
export function mropePositions(
  tokenIds: Int32Array,
  grids: readonly Grid[],
  { imageToken, mergeSize }: VisionLayout,
): Positions {
  const { length } = tokenIds;
  const positions = new Int32Array(3 * length);
  let position = 0;
  let picture = 0;

  for (let index = 0; index < length;) {
    if (tokenIds[index] !== imageToken) {
      positions[index] = positions[length + index] = positions[2 * length + index] = position;
      position++;
      index++;
      continue;
    }
    const grid = grids[picture++];
    if (grid?.t !== 1) {
      throw new Error(
        `token ${index} begins picture ${picture}, whose grid is missing or no picture's`,
      );
    }
    const end = index + tokensOf(grid, mergeSize);
    assertOnly(imageToken, tokenIds, index, end);
    fillPicture(positions, index, end, { start: position, columns: grid.w / mergeSize });
    position += Math.max(grid.h, grid.w) / mergeSize;
    index = end;
  }
  if (picture !== grids.length) {
    throw new Error(`the prompt holds ${picture} of ${grids.length} pictures`);
  }
  return { positions, ropeDelta: position - length };
}

/** Tokens from `begin` to `end` go row by row over the merged patches. */
function fillPicture(
  positions: Int32Array,
  begin: number,
  end: number,
  { start, columns }: { start: number; columns: number },
): void {
  const length = positions.length / 3;
  for (let index = begin; index < end; index++) {
    const patch = index - begin;
    positions[index] = start;
    positions[length + index] = start + Math.floor(patch / columns);
    positions[2 * length + index] = start + (patch % columns);
  }
}

function assertOnly(token: number, tokenIds: Int32Array, begin: number, end: number): void {
  for (let index = begin; index < end; index++) {
    if (tokenIds[index] !== token) {
      throw new Error(`expected token ${index} to belong to the picture that ends at ${end}`);
    }
  }
}
