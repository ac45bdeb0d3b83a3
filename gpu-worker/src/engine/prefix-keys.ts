/** A medium's tokens in a prompt, and what tells it from any other. */
export interface KeyedMedium {
  /** Over its bytes and everything that changes its features; uniform like SHA-256, at least 16 bytes. */
  digest: Uint8Array;
  tokens: number;
}

/**
 * One key for each token of a prompt: its id, or, for a vision token, a negative number from its
 * medium's digest and its place in it. Two prompts with equal keys up to a place have equal keys and
 * values in the KV cache up to there.
 *
 * @param visionPlaces indices of the vision tokens, ascending, those of each medium in turn
 */
export function prefixKeys(
  tokenIds: Int32Array,
  visionPlaces: Int32Array,
  media: readonly KeyedMedium[],
): number[] {
  const keys = Array.from(tokenIds);
  let next = 0;
  for (const { digest, tokens } of media) {
    const words = new DataView(digest.buffer, digest.byteOffset, digest.byteLength);
    for (let token = 0; token < tokens; token++) {
      const place = visionPlaces[next++];
      if (place === undefined) {
        throw new Error(`the media have more tokens than the ${visionPlaces.length} of the prompt`);
      }
      // Neighbouring tokens take different words, so that a picture of a few tokens counts whole.
      const word = words.getUint32((token * 4) % (digest.byteLength & ~3));
      keys[place] = -1 - word;
    }
  }
  return keys;
}
