/** A buffer of a connection. */
const MAX_CHUNK_BYTES = 65_536;

/**
 * A stream's bytes as they come, as many as there are at a time. Iterating over the stream itself gives
 * 4 KiB, and takes 40 ms longer for 10 MB.
 */
export async function* largeChunks(
  body: ReadableStream<Uint8Array> | null,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (body === null) {
    return;
  }
  const reader = body.getReader({ mode: "byob" });
  let room = new Uint8Array(MAX_CHUNK_BYTES);
  try {
    for (;;) {
      const { done, value } = await reader.read(room);
      if (done) {
        return;
      }
      yield value.slice(); // who keeps it keeps no more than has come
      room = new Uint8Array(value.buffer);
    }
  } finally {
    await reader.cancel();
  }
}
