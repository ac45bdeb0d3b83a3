import { concatBytes } from "./concat-bytes.ts";

type Chunks = AsyncIterable<Uint8Array> | null;

/** Called with the size of each chunk before it is kept; throws when there has been enough. */
export type AcceptBytes = (byteLength: number) => void;

/** Accepts up to `maxBytes` in all. */
export function acceptUpTo(maxBytes: number, tooMany: () => Error): AcceptBytes {
  let left = maxBytes;
  return (byteLength) => {
    left -= byteLength;
    if (left < 0) {
      throw tooMany();
    }
  };
}

/** Reads to the end; when `accept` throws, the rest is cancelled and never read. */
export async function readBytes(
  body: Chunks,
  accept: AcceptBytes,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    accept(chunk.byteLength);
    chunks.push(chunk);
    length += chunk.byteLength;
  }
  return concatBytes(chunks, length);
}

/**
 * Reads UTF-8 to the end, decoding each chunk at once so that bytes and text never exist both whole.
 *
 * @throws TypeError when the bytes are not UTF-8.
 */
export async function readUtf8(body: Chunks, accept: AcceptBytes): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  let text = "";
  for await (const chunk of body ?? []) {
    accept(chunk.byteLength);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
