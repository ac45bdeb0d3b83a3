import { ApiError } from "@qwen3-vl/shared/errors";
import { FETCH_HEADERS } from "@qwen3-vl/shared/fetch-limits";
import type { FetchLimits } from "@qwen3-vl/shared/fetch-limits";
import { judgeRedirect, judgeUrl } from "@qwen3-vl/shared/fetch-policy";
import type { FetchPolicy } from "@qwen3-vl/shared/fetch-policy";

import { readBytes } from "../http/read-body.ts";
import type { AcceptBytes } from "../http/read-body.ts";
import { Deadlines } from "./deadlines.ts";
import { mediumTooLarge } from "./media-too-large.ts";

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
  const verdict = judgeUrl(text, options.policy);
  if ("refusal" in verdict) {
    throw new ApiError("invalid_request", `The URL is refused: ${verdict.refusal}.`);
  }
  const deadlines = new Deadlines(options.limits.totalMs, options.signal);
  try {
    deadlines.expect("the headers", options.limits.headersMs);
    const response = await follow(verdict.url, options, deadlines.signal);
    const chunks = mediumChunks(await mediumBody(response, options), options, deadlines);
    return await read(chunks, (totalMs) => deadlines.allow(totalMs));
  } catch (cause) {
    throw toMediaError(cause, deadlines, options.signal);
  } finally {
    deadlines.stop();
  }
}

async function follow(
  first: URL,
  { policy, limits }: FetchOptions,
  signal: AbortSignal,
): Promise<Response> {
  const visited = new Set<string>();
  let url = first;
  while (visited.size <= limits.maxRedirects) {
    if (visited.has(url.href)) {
      throw unreachable("its redirects go in a circle");
    }
    visited.add(url.href);
    const response = await fetch(url, { redirect: "manual", headers: FETCH_HEADERS, signal });
    if (!REDIRECT_STATUSES.has(response.status)) {
      return response;
    }
    await response.body?.cancel();
    const verdict = judgeRedirect(url, response.headers.get("Location"), policy);
    if ("refusal" in verdict) {
      throw unreachable(`it redirects to a URL that is refused: ${verdict.refusal}`);
    }
    ({ url } = verdict);
  }
  throw unreachable(`it redirects more than ${limits.maxRedirects} times`);
}

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

async function mediumBody(
  { status, headers, body }: Response,
  { maxBytes }: FetchOptions,
): Promise<ReadableStream<Uint8Array> | null> {
  // 206 without having asked is a part of the medium, 304 is none.
  if (status !== 200) {
    await body?.cancel();
    throw unreachable(`its server answered with status ${status}, expected 200`);
  }
  if (Number(headers.get("Content-Length")) > maxBytes) {
    await body?.cancel();
    throw mediumTooLarge(maxBytes);
  }
  return body;
}

/** The stall limit is the other server's: it does not run while the chunk before is dealt with. */
async function* mediumChunks(
  body: ReadableStream<Uint8Array> | null,
  { accept, limits }: FetchOptions,
  deadlines: Deadlines,
): MediumChunks {
  deadlines.expect("the next bytes", limits.stallMs);
  for await (const chunk of body ?? []) {
    deadlines.rest();
    accept(chunk.byteLength);
    yield chunk;
    deadlines.expect("the next bytes", limits.stallMs);
  }
  deadlines.rest(); // the last ones may still be on their way to the bucket
}

function toMediaError(cause: unknown, { missed }: Deadlines, client: AbortSignal): unknown {
  if (cause instanceof ApiError || client.aborted) {
    return cause;
  }
  return missed === undefined
    ? unreachable("its server could not be reached or broke off", cause)
    : unreachable(`its server did not send ${missed.what} within ${missed.ms / 1000} s`, cause);
}

function unreachable(reason: string, cause?: unknown): ApiError {
  return new ApiError("media_unreachable", `The URL cannot be fetched: ${reason}.`, { cause });
}
