import type { VisionBlock } from "./prompt-media.ts";
import type { PlaceholderTokens } from "./vision-placeholders.ts";

export interface VisionLayout {
  placeholders: PlaceholderTokens;
  mergeSize: number;
}

export interface Positions {
  /** Time, row and column of each token, shape [3, length]. */
  positions: Int32Array;
  /** Next position minus length: what to add to a token's index while decoding. */
  ropeDelta: number;
}

/**
 * Interleaved MRoPE positions of a prompt with its vision blocks in order.
 *
 * Text counts on in all three. A block at p has time p, row p + y and column p + x, and the text
 * after it goes on behind the larger side: https://arxiv.org/abs/2409.12191
 */
export function mropePositions(
  tokenIds: Int32Array,
  blocks: readonly VisionBlock[],
  { placeholders, mergeSize }: VisionLayout,
): Positions {
  const { length } = tokenIds;
  const positions = new Int32Array(3 * length);
  let position = 0;
  let next = 0;

  for (let index = 0; index < length;) {
    const id = tokenIds[index];
    if (id !== placeholders.image && id !== placeholders.video) {
      positions[index] = positions[length + index] = positions[2 * length + index] = position;
      position++;
      index++;
      continue;
    }
    const block = blocks[next++];
    if (block === undefined) {
      throw new Error(`token ${index} begins block ${next} of ${blocks.length}`);
    }
    const { grid, tokens, kind } = block;
    assertOnly(placeholders[kind], tokenIds, index, index + tokens);
    fillBlock(positions, index, tokens, { start: position, columns: grid.w / mergeSize });
    position += Math.max(grid.h, grid.w) / mergeSize;
    index += tokens;
  }
  if (next !== blocks.length) {
    throw new Error(`the prompt holds ${next} of ${blocks.length} blocks`);
  }
  return { positions, ropeDelta: position - length };
}

/** Tokens go row by row over the merged patches. */
function fillBlock(
  positions: Int32Array,
  begin: number,
  tokens: number,
  { start, columns }: { start: number; columns: number },
): void {
  const length = positions.length / 3;
  for (let patch = 0; patch < tokens; patch++) {
    const index = begin + patch;
    positions[index] = start;
    positions[length + index] = start + Math.floor(patch / columns);
    positions[2 * length + index] = start + (patch % columns);
  }
}

function assertOnly(token: number, tokenIds: Int32Array, begin: number, end: number): void {
  for (let index = begin; index < end; index++) {
    if (tokenIds[index] !== token) {
      throw new Error(`expected token ${index} to belong to the block that ends at ${end}`);
    }
  }
}
