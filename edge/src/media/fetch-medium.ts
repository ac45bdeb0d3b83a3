import type { Deadlines } from "@qwen3-vl/shared/deadlines";
import { FETCH_HEADERS } from "@qwen3-vl/shared/fetch-limits";
import type { FetchLimits } from "@qwen3-vl/shared/fetch-limits";
import type { FetchPolicy } from "@qwen3-vl/shared/fetch-policy";
import { toMediaError } from "@qwen3-vl/shared/media-errors";
import { assertMediumHead } from "@qwen3-vl/shared/medium-head";
import { transferUrl } from "@qwen3-vl/shared/url-transfer";
import type { Transport } from "@qwen3-vl/shared/url-transfer";

import { largeChunks } from "../http/large-chunks.ts";
import { readBytes } from "../http/read-body.ts";
import type { AcceptBytes } from "../http/read-body.ts";

export interface FetchOptions {
  /** Bytes at most. */
  maxBytes: number;
  policy: FetchPolicy;
  limits: FetchLimits;
  /** Hears of each byte before it is kept. */
  accept: AcceptBytes;
  signal: AbortSignal;
}

/** Fetches a picture's or clip's bytes from a client's URL. No message tells what the other server said. */
export function fetchMedium(text: string, options: FetchOptions): Promise<Uint8Array<ArrayBuffer>> {
  return fetchWith(text, options, (chunks) => readBytes(chunks, () => undefined));
}

/** The chunks of a medium as they come, counted and timed. */
export type MediumChunks = AsyncGenerator<Uint8Array>;

/**
 * Fetches a medium and hands its chunks to `read`; what of them is not read is cancelled.
 *
 * @param read may allow more time in all, when it has seen that there is much
 */
export async function fetchWith<T>(
  text: string,
  options: FetchOptions,
  read: (chunks: MediumChunks, allow: (totalMs: number) => void) => Promise<T>,
): Promise<T> {
  try {
    return await transferUrl(
      text,
      { ...options, transport: FETCH },
      async (response, deadlines) => {
        const body = await mediumBody(response, options.maxBytes);
        return read(mediumChunks(body, options, deadlines), (totalMs) => deadlines.allow(totalMs));
      },
    );
  } catch (error) {
    throw toMediaError(error);
  }
}

const FETCH: Transport<Response> = {
  ask: (url, signal) => fetch(url, { redirect: "manual", headers: FETCH_HEADERS, signal }),
  headOf: ({ status, headers }) => ({ status, location: headers.get("Location") }),
  drop: ({ body }) => body?.cancel(),
};

async function mediumBody(
  { status, headers, body }: Response,
  maxBytes: number,
): Promise<ReadableStream<Uint8Array> | null> {
  try {
    assertMediumHead({ status, contentLength: headers.get("Content-Length") }, maxBytes);
    return body;
  } catch (error) {
    await body?.cancel();
    throw error;
  }
}

/** The stall limit is the other server's: it does not run while the chunk before is dealt with. */
async function* mediumChunks(
  body: ReadableStream<Uint8Array> | null,
  { accept, limits }: FetchOptions,
  deadlines: Deadlines,
): MediumChunks {
  deadlines.expect("the next bytes", limits.stallMs);
  for await (const chunk of largeChunks(body)) {
    deadlines.rest();
    accept(chunk.byteLength);
    yield chunk;
    deadlines.expect("the next bytes", limits.stallMs);
  }
  deadlines.rest(); // the last ones may still be on their way to the bucket
}
