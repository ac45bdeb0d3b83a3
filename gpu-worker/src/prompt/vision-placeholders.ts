import type { VisionBlock } from "./prompt-media.ts";

/** Ids of the tokens that stand for a merged patch. */
export type PlaceholderTokens = Readonly<Record<VisionBlock["kind"], number>>;

/**
 * Replaces the one placeholder that stands for each block by as many as the block has tokens, in order.
 *
 * @throws Error when placeholders and blocks differ in number or kind
 */
export function expandPlaceholders(
  tokenIds: readonly number[],
  placeholders: PlaceholderTokens,
  blocks: readonly VisionBlock[],
): Int32Array {
  const isPlaceholder = (id: number) => id === placeholders.image || id === placeholders.video;
  const found = tokenIds.filter(isPlaceholder);
  const expected = blocks.map(({ kind }) => placeholders[kind]);
  if (found.join() !== expected.join()) {
    throw new Error(
      `the prompt has ${found.length} placeholders for ${blocks.length} pictures and frame pairs, or in another order`,
    );
  }
  const added = blocks.reduce((sum, { tokens }) => sum + tokens - 1, 0);
  const expanded = new Int32Array(tokenIds.length + added);
  let next = 0;
  let block = 0;
  for (const id of tokenIds) {
    const copies = isPlaceholder(id) ? (blocks[block++]?.tokens ?? 0) : 1;
    expanded.fill(id, next, next + copies);
    next += copies;
  }
  return expanded;
}
