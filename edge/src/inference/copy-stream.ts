/** What a slow reader may leave unread before the source is no longer read: a long answer fits. */
const MAX_UNREAD_BYTES = 2 ** 20;

/** `stopped`: the reader left, or `stop` was aborted from outside. */
export type CopyEnd = "source_ended" | "source_broke" | "stopped";

/**
 * Copies `source` to `sink` and resolves to how that ended; never rejects.
 *
 * A write is not waited for: only so does workerd tell at once that the reader has left. Then, as
 * when the source breaks, `stop` is aborted; aborting it from outside ends the copy.
 */
export async function copyStream(
  source: ReadableStream<Uint8Array>,
  sink: WritableStream<Uint8Array>,
  stop: AbortController,
  onChunk: (chunk: Uint8Array) => void,
): Promise<CopyEnd> {
  const reader = source.getReader();
  const writer = sink.getWriter();
  const stopped = aborted(stop.signal);
  const readerLeft = (reason: unknown) => stop.abort(reason);
  let unreadBytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) {
        await Promise.race([writer.close().catch(readerLeft), stopped]);
        return "source_ended";
      }
      onChunk(value);
      unreadBytes += value.byteLength;
      const written = writer.write(value).then(() => (unreadBytes -= value.byteLength), readerLeft);
      if (unreadBytes > MAX_UNREAD_BYTES) {
        await Promise.race([written, stopped]);
      }
    }
  } catch (error) {
    const end = stop.signal.aborted ? "stopped" : "source_broke";
    stop.abort(error);
    // The reader must not take a broken answer for a whole one. Not waited for: it may never read on.
    writer.abort(error).catch(() => {});
    return end;
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
