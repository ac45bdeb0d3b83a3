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
export async function fetchMedium(
  text: string,
  options: FetchOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const verdict = judgeUrl(text, options.policy);
  if ("refusal" in verdict) {
    throw new ApiError("invalid_request", `The URL is refused: ${verdict.refusal}.`);
  }
  const deadlines = new Deadlines(options.limits.totalMs, options.signal);
  try {
    deadlines.expect("the headers", options.limits.headersMs);
    const response = await follow(verdict.url, options, deadlines.signal);
    return await readMedium(response, options, deadlines);
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

async function readMedium(
  { status, headers, body }: Response,
  { accept, limits, maxBytes }: FetchOptions,
  deadlines: Deadlines,
): Promise<Uint8Array<ArrayBuffer>> {
  // 206 without having asked is a part of the medium, 304 is none.
  if (status !== 200) {
    await body?.cancel();
    throw unreachable(`its server answered with status ${status}, expected 200`);
  }
  if (Number(headers.get("Content-Length")) > maxBytes) {
    await body?.cancel();
    throw mediumTooLarge(maxBytes);
  }
  deadlines.expect("the next bytes", limits.stallMs);
  return await readBytes(body, (byteLength) => {
    deadlines.expect("the next bytes", limits.stallMs);
    accept(byteLength);
  });
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
