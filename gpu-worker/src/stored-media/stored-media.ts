import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { ApiError } from "@qwen3-vl/shared/errors";
import { MAX_VIDEO_BYTES } from "@qwen3-vl/shared/limits";
import type { Priority, StoredMedium } from "@qwen3-vl/shared/worker-protocol";

import type { ClipBytes, ClipFile } from "../vision/clip-bytes.ts";
import { MediaMemory } from "../vision/media-memory.ts";
import type { MediaReservation } from "../vision/media-memory.ts";
import { Turns } from "../vision/turns.ts";
import { isInBucket } from "./bucket-origin.ts";
import { DOWNLOAD_LIMITS, download } from "./download.ts";
import type { DownloadLimits } from "./download.ts";

export interface StoredMediaOptions {
  /** URL of the bucket; undefined: nothing is fetched. */
  origin: string | undefined;
  /** In it, each worker has a folder of its own; those of workers that are gone are removed. */
  folder: string;
  /** Of clips above `MAX_VIDEO_BYTES`, for all requests together. */
  maxDiskBytes: number;
  limits?: DownloadLimits;
}

/** Media by their names; what of them is on the disk is gone when this is disposed of. */
export interface FetchedMedia extends AsyncDisposable {
  media: ReadonlyMap<string, ClipBytes>;
}

interface Fetching {
  signal: AbortSignal;
  priority: Priority;
}

/** Bytes of media in memory for all requests together: a document of a thousand pages. */
const MAX_MEMORY_BYTES = 2 ** 30;

/** Downloads of one worker at a time: the decoders are slower than a few of them. */
const MAX_DOWNLOADS = 8;

/** Fetches what requests have in the bucket: small media into memory, large ones onto the disk. */
export class StoredMedia {
  readonly #options: StoredMediaOptions;
  readonly #disk: MediaMemory;
  readonly #memory = new MediaMemory(MAX_MEMORY_BYTES);
  readonly #turns = new Turns(MAX_DOWNLOADS);
  readonly #folder: Promise<string>;

  constructor(options: StoredMediaOptions) {
    this.#options = options;
    this.#disk = new MediaMemory(options.maxDiskBytes);
    this.#folder = ownFolder(options.folder);
    this.#folder.catch(() => undefined); // told to whoever needs it
  }

  /**
   * Everything or nothing; waits for its turn and for room on the disk.
   *
   * @throws ApiError when one is not there, not what was announced, or too large for the disk
   */
  async fetch(
    stored: readonly StoredMedium[],
    outer: AbortSignal,
    priority: Priority = "interactive",
  ): Promise<FetchedMedia> {
    if (stored.length === 0) {
      return { media: new Map(), [Symbol.asyncDispose]: () => Promise.resolve() };
    }
    this.#assertOurs(stored);
    const failure = new AbortController();
    const signal = AbortSignal.any([outer, failure.signal]);
    await using parts = new AsyncDisposableStack();
    const [large, small] = [stored.filter(isLarge), stored.filter((medium) => !isLarge(medium))];
    for (const [room, media] of [
      [this.#memory, small],
      [this.#disk, large],
    ] as const) {
      if (media.length > 0) {
        parts.use(await reserve(room, media, { signal, priority })); // who needs nothing waits for nobody
      }
    }
    const fetching = stored.map(async (medium) => {
      try {
        const bytes = await this.#fetchOne(medium, parts, { signal, priority });
        return [medium.name, bytes] as const;
      } catch (error) {
        failure.abort(error);
        throw error;
      }
    });
    await Promise.allSettled(fetching); // files are removed only when nobody writes them any more
    const fetched = new Map(await Promise.all(fetching));
    const kept = parts.move();
    return { media: fetched, [Symbol.asyncDispose]: () => kept.disposeAsync() };
  }

  #assertOurs(stored: readonly StoredMedium[]): void {
    const { origin } = this.#options;
    if (origin === undefined) {
      throw new Error("MEDIA_ORIGIN is not set, and a request has media in the bucket");
    }
    if (!stored.every(({ url }) => isInBucket(url, origin))) {
      throw new Error(`a request has media outside of MEDIA_ORIGIN, ${origin}`);
    }
  }

  async #fetchOne(
    medium: StoredMedium,
    parts: AsyncDisposableStack,
    { signal, priority }: Fetching,
  ): Promise<ClipBytes> {
    using turns = new DisposableStack();
    turns.use(await this.#turns.take(signal, priority));
    signal.throwIfAborted();
    return await (isLarge(medium)
      ? this.#toDisk(medium, parts, signal)
      : this.#toMemory(medium, signal));
  }

  async #toMemory(medium: StoredMedium, signal: AbortSignal): Promise<Uint8Array> {
    const bytes = new Uint8Array(medium.bytes);
    let filled = 0;
    const keep = (chunk: Uint8Array) => {
      bytes.set(chunk, filled);
      filled += chunk.length;
    };
    await download(medium, keep, signal, this.#options.limits ?? DOWNLOAD_LIMITS);
    return bytes;
  }

  async #toDisk(
    medium: StoredMedium,
    parts: AsyncDisposableStack,
    signal: AbortSignal,
  ): Promise<ClipFile> {
    const path = join(await this.#folder, randomUUID());
    parts.defer(() => rm(path, { force: true }));
    await using file = await open(path, "wx");
    const append = async (chunk: Uint8Array) => {
      await file.writeFile(chunk);
    };
    const limits = this.#options.limits ?? DOWNLOAD_LIMITS;
    const digest = await download(medium, append, signal, limits);
    return { path, byteLength: medium.bytes, digest };
  }
}

/** Clips beyond what travels inside a request; pictures never are. */
function isLarge({ bytes }: StoredMedium): boolean {
  return bytes > MAX_VIDEO_BYTES;
}

function reserve(
  room: MediaMemory,
  stored: readonly StoredMedium[],
  { signal, priority }: Fetching,
): Promise<MediaReservation> {
  const bytes = stored.reduce((sum, medium) => sum + medium.bytes, 0);
  if (bytes > room.maxBytes) {
    throw new ApiError(
      "media_too_large",
      `The files of the request have ${bytes} bytes, expected at most ${room.maxBytes}.`,
      { param: "messages" },
    );
  }
  return room.reserve(bytes, signal, priority);
}

/** A worker that was killed has left its clips behind; in a container the next one has its process id. */
async function ownFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  const left = (await readdir(parent)).filter((name) => !isOther(name));
  await Promise.all(left.map((name) => rm(join(parent, name), { recursive: true, force: true })));
  return mkdtemp(join(parent, `${process.pid}-`));
}

/** Whether the folder is that of another process that runs. */
function isOther(name: string): boolean {
  const pid = Number(name.split("-", 1)[0]);
  if (pid === process.pid) {
    return false;
  }
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
