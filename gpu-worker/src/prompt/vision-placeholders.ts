/**
 * Replaces the one placeholder that the chat template wrote for each picture by as many as the
 * picture has tokens, in order.
 */
export function expandPlaceholders(
  tokenIds: readonly number[],
  placeholder: number,
  tokensPerPicture: readonly number[],
): Int32Array {
  const placeholders = tokenIds.filter((id) => id === placeholder).length;
  if (placeholders !== tokensPerPicture.length) {
    throw new Error(
      `the prompt has ${placeholders} placeholders for ${tokensPerPicture.length} pictures`,
    );
  }
  const added = tokensPerPicture.reduce((sum, tokens) => sum + tokens - 1, 0);
  const expanded = new Int32Array(tokenIds.length + added);
  let next = 0;
  let picture = 0;
  for (const id of tokenIds) {
    const copies = id === placeholder ? (tokensPerPicture[picture++] ?? 0) : 1;
    expanded.fill(id, next, next + copies);
    next += copies;
  }
  return expanded;
}
