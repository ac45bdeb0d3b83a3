import { createHash } from "node:crypto";

import { ApiError } from "@qwen3-vl/shared/errors";
import type { StoredMedium } from "@qwen3-vl/shared/worker-protocol";

/** Takes the bytes in order. */
export type Sink = (chunk: Uint8Array) => Promise<void> | void;

export interface DownloadLimits {
  /** Connections for one medium, the first included; each goes on where the one before broke off. */
  attempts: number;
  /** Between two chunks, and for the headers. */
  stallMs: number;
}

export const DOWNLOAD_LIMITS: DownloadLimits = { attempts: 4, stallMs: 15_000 };

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
  let received = 0;
  for (let attempt = 1; received < medium.bytes; attempt++) {
    const stall = new StallTimer(limits.stallMs);
    try {
      const body = await open(medium, received, AbortSignal.any([signal, stall.signal]));
      for await (const chunk of body) {
        stall.restart();
        if (received + chunk.length > medium.bytes) {
          throw unreachable(`it is longer than ${medium.bytes} bytes`);
        }
        hash.update(chunk);
        received += chunk.length;
        await sink(chunk);
        stall.restart();
      }
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof ApiError || attempt === limits.attempts) {
        throw cause instanceof ApiError ? cause : unreachable("the storage broke off", cause);
      }
    } finally {
      stall.stop();
    }
    if (attempt === limits.attempts && received < medium.bytes) {
      throw unreachable(`it ends after ${received} of ${medium.bytes} bytes`);
    }
  }
  const digest = hash.digest();
  if (medium.sha256 !== null && digest.toString("hex") !== medium.sha256) {
    throw unreachable("its SHA-256 is not the one that was announced");
  }
  return digest;
}

const PARTIAL = 206;

/** Redirects are not followed: the URL was checked, and another one would not be. */
async function open(
  { url, etag }: StoredMedium,
  from: number,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const headers = from === 0 ? {} : { Range: `bytes=${from}-` };
  const response = await fetch(url, { headers, redirect: "manual", signal });
  const expected = from === 0 ? 200 : PARTIAL;
  if (response.status >= 500) {
    await response.body?.cancel();
    throw new Error(`status ${response.status}`); // worth another attempt
  }
  if (response.status !== expected) {
    await response.body?.cancel();
    throw unreachable(`the storage answered with status ${response.status}, expected ${expected}`);
  }
  if (response.headers.get("ETag") !== etag) {
    await response.body?.cancel();
    throw unreachable("it was replaced");
  }
  if (response.body === null) {
    throw unreachable("the storage answered nothing");
  }
  return response.body;
}

/** Aborts its signal when nothing has come for so long. */
class StallTimer {
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

  stop(): void {
    clearTimeout(this.#timer);
  }
}

function unreachable(reason: string, cause?: unknown): ApiError {
  return new ApiError("media_unreachable", `The stored file cannot be read: ${reason}.`, { cause });
}
