/** What is read of a body that says nothing to us, so that whoever sends it can end in peace. */
const MAX_READ_BYTES = 16_384;

/** Reads a body to its end and keeps nothing; a long one is cancelled. */
export async function readAway(body: AsyncIterable<Uint8Array> | null): Promise<void> {
  let left = MAX_READ_BYTES;
  for await (const chunk of body ?? []) {
    left -= chunk.byteLength;
    if (left < 0) {
      return; // leaving the loop cancels the rest
    }
  }
}
