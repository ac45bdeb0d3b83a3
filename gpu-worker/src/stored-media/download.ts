import { createHash } from "node:crypto";

import { ApiError } from "@qwen3-vl/shared/errors";
import type { StoredMedium } from "@qwen3-vl/shared/worker-protocol";

/** Takes the bytes in order. */
export type Sink = (chunk: Uint8Array) => Promise<void> | void;

export interface DownloadLimits {
  /** Calls for one range, the first included; each goes on where the one before broke off. */
  attempts: number;
  /** Between two chunks, and for the headers. */
  stallMs: number;
  /** Bytes of one range. */
  rangeBytes: number;
}

/** By ranges, as S3's own clients do: Miniflare's takes 5 s per GB before the first byte of a whole object. */
export const DOWNLOAD_LIMITS: DownloadLimits = {
  attempts: 4,
  stallMs: 15_000,
  rangeBytes: 64 * 2 ** 20,
};

/**
 * Fetches a medium from its presigned URL, from where a broken connection ended if need be, and
 * compares length, ETag and SHA-256.
 *
 * @returns the SHA-256
 * @throws ApiError `media_unreachable` when it is not there or not what was announced
 */
export async function download(
  medium: StoredMedium,
  sink: Sink,
  signal: AbortSignal,
  limits = DOWNLOAD_LIMITS,
): Promise<Uint8Array> {
  const hash = createHash("sha256");
  const take: Sink = (chunk) => {
    hash.update(chunk);
    return sink(chunk);
  };
  for (let start = 0; start < medium.bytes; start += limits.rangeBytes) {
    const end = Math.min(start + limits.rangeBytes, medium.bytes);
    await downloadRange(medium, { start, end }, take, { signal, limits });
  }
  const digest = hash.digest();
  if (medium.sha256 !== null && digest.toString("hex") !== medium.sha256) {
    throw unreachable("its SHA-256 is not the one that was announced");
  }
  return digest;
}

/** Bytes from `start` to before `end`. */
interface Range {
  start: number;
  end: number;
}

async function downloadRange(
  medium: StoredMedium,
  range: Range,
  sink: Sink,
  { signal, limits }: { signal: AbortSignal; limits: DownloadLimits },
): Promise<void> {
  let { start } = range;
  for (let attempt = 1; start < range.end; attempt++) {
    using stall = new StallTimer(limits.stallMs);
    try {
      const left = { start, end: range.end };
      for await (const chunk of await open(medium, left, AbortSignal.any([signal, stall.signal]))) {
        start += chunk.length;
        if (start > range.end) {
          throw unreachable("the storage answered more than was asked for");
        }
        await sink(chunk);
        stall.restart();
      }
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof ApiError) {
        throw cause;
      }
      if (attempt === limits.attempts) {
        throw unreachable("the storage broke off", cause);
      }
    }
    if (attempt === limits.attempts && start < range.end) {
      throw unreachable(`it ends after ${start} of ${medium.bytes} bytes`);
    }
  }
}

const PARTIAL = 206;
const TOO_MANY = 429;

/** Redirects are not followed: the URL was checked, and another one would not be. */
async function open(
  { url, etag, bytes }: StoredMedium,
  { start, end }: Range,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const headers = { Range: `bytes=${start}-${end - 1}` };
  const response = await fetch(url, { headers, redirect: "manual", signal });
  const refusal = refusalOf(response, etag, bytes);
  if (refusal === undefined && response.status === PARTIAL && response.body !== null) {
    return response.body;
  }
  await response.body?.cancel();
  if (response.status >= 500 || response.status === TOO_MANY) {
    throw new Error(`status ${response.status}`); // worth another attempt
  }
  throw unreachable(refusal ?? `the storage answered with status ${response.status}`);
}

/** Why what is answered cannot be the medium. */
function refusalOf({ status, headers }: Response, etag: string, bytes: number): string | undefined {
  if (status !== PARTIAL) {
    return undefined;
  }
  if (headers.get("ETag") !== etag) {
    return "it was replaced";
  }
  const total = headers.get("Content-Range")?.split("/")[1];
  return total === String(bytes) ? undefined : `expected ${bytes} bytes in all, got ${total}`;
}

/** Aborts its signal when nothing has come for so long. */
class StallTimer implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(ms: number) {
    this.#timer = setTimeout(() => this.#controller.abort(), ms);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  restart(): void {
    this.#timer.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

function unreachable(reason: string, cause?: unknown): ApiError {
  return new ApiError("media_unreachable", `The stored file cannot be read: ${reason}.`, { cause });
}
