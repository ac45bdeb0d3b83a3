import { mkdir, readFile, statfs } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleepFor } from "node:timers/promises";

import { CheckpointError } from "../weights/checkpoint-error.ts";
import { parseModelConfig } from "../weights/model-config.ts";
import { shardNames } from "../weights/tensor-index.ts";
import { CheckpointCache } from "./checkpoint-cache.ts";
import { downloadFile, keptBytes } from "./download-file.ts";
import type { DownloadOptions, DownloadSource } from "./download-file.ts";
import { withExclusiveLock } from "./exclusive-lock.ts";
import { toFetchFailure } from "./fetch-failure.ts";
import { FetchProgress } from "./fetch-progress.ts";
import type { ProgressDisplay } from "./fetch-progress.ts";
import { HubApi } from "./hub-api.ts";
import { HubClient } from "./hub-client.ts";
import type { HubSettings } from "./hub-client.ts";
import type { HubReference } from "./model-source.ts";
import { formatBytes } from "./progress-display.ts";
import { textFiles, totalBytes, weightFiles } from "./remote-files.ts";
import type { RemoteFile } from "./remote-files.ts";
import { withRetries } from "./retry.ts";

export interface FetchOptions {
  /** Folder of all fetched checkpoints. */
  cacheFolder: string;
  hub: HubSettings;
  display: ProgressDisplay;
  sleep?: (milliseconds: number, signal: AbortSignal) => Promise<unknown>;
  freeBytes?: (folder: string) => Promise<number>;
}

/** One connection seldom fills a line, and more than a few only share it. */
const FILES_AT_ONCE = 4;

/**
 * The folder of a checkpoint of the hub: fetched by the first start, then used without any network.
 *
 * @throws CheckpointError in one line
 */
export async function fetchCheckpoint(
  reference: HubReference,
  options: FetchOptions,
): Promise<string> {
  const cache = new CheckpointCache(options.cacheFolder, reference);
  const cached = await cache.find();
  if (cached !== undefined) {
    return cached;
  }
  await cache.prepare();
  return withExclusiveLock(
    cache.lockPath,
    () => options.display.note(`waiting for another start that fetches ${reference.repository}`),
    async () => (await cache.find()) ?? (await new CheckpointFetch(reference, options).run(cache)),
  );
}

/** One fetch, by the process that holds the lock. */
class CheckpointFetch {
  readonly #reference: HubReference;
  readonly #client: HubClient;
  readonly #display: ProgressDisplay;
  readonly #progress: FetchProgress;
  readonly #freeBytes: (folder: string) => Promise<number>;
  readonly #cancel = new AbortController();
  readonly #download: DownloadOptions;

  constructor(reference: HubReference, options: FetchOptions) {
    const { hub, display, sleep = sleepUntil, freeBytes = freeBytesOf } = options;
    this.#reference = reference;
    this.#client = new HubClient(hub);
    this.#display = display;
    this.#progress = new FetchProgress(reference.repository, display);
    this.#freeBytes = freeBytes;
    this.#download = {
      progress: this.#progress,
      signal: this.#cancel.signal,
      sleep: async (milliseconds) => void (await sleep(milliseconds, this.#cancel.signal)),
      onRetry: (error, delayMs) => this.#noteRetry(error, delayMs),
    };
  }

  async run(cache: CheckpointCache): Promise<string> {
    const { repository } = this.#reference;
    const api = new HubApi(this.#client, (attempt) => withRetries(attempt, this.#download));
    try {
      const commit = await api.commitOf(this.#reference);
      if (!(await cache.has(commit))) {
        const listing = await api.filesOf(repository, commit);
        await this.#fetchAll(listing, commit, cache.unfinishedFolderOf(commit));
        await cache.complete(commit);
      }
      await cache.remember(commit);
      return cache.folderOf(commit);
    } catch (error) {
      throw toFetchFailure(error, this.#reference, this.#client);
    } finally {
      this.#progress.end();
    }
  }

  /** The small files first: they tell whether the model can run, and which weights it has. */
  async #fetchAll(listing: RemoteFile[], commit: string, folder: string): Promise<void> {
    const source = {
      client: this.#client,
      address: `${this.#client.endpoint}/${this.#reference.repository}/resolve/${commit}`,
    };
    await mkdir(folder, { recursive: true });
    const texts = textFiles(listing);
    await this.#fetchFiles(texts.filter(isConfig), folder, source);
    parseModelConfig(await readFile(join(folder, "config.json"), "utf8"));
    await this.#fetchFiles(
      texts.filter((file) => !isConfig(file)),
      folder,
      source,
    );

    const weights = weightFiles(listing, await shardNames(folder));
    await this.#assertSpace(weights, folder);
    this.#progress.expect(totalBytes([...texts, ...weights]));
    await this.#fetchFiles(weights, folder, source);
  }

  /** A few at once; the first that fails stops the others. */
  async #fetchFiles(files: RemoteFile[], folder: string, source: DownloadSource): Promise<void> {
    const waiting = files.values(); // shared: each file goes to one of the lanes
    const lanes = Array.from({ length: FILES_AT_ONCE }, async () => {
      for (const file of waiting) {
        await downloadFile(file, folder, source, this.#download);
      }
    });
    try {
      await Promise.all(lanes);
    } catch (error) {
      this.#cancel.abort(error);
      await Promise.allSettled(lanes); // they close their files
      throw error;
    }
  }

  async #assertSpace(files: readonly RemoteFile[], folder: string): Promise<void> {
    const kept = await Promise.all(files.map((file) => keptBytes(file, folder)));
    const needed = totalBytes(files) - kept.reduce((sum, bytes) => sum + bytes, 0);
    const free = await this.#freeBytes(folder);
    if (needed > free) {
      throw new CheckpointError(
        `the disk is full: ${formatBytes(needed)} are to come, ${formatBytes(free)} are free in ${folder}`,
      );
    }
  }

  #noteRetry(error: unknown, delayMs: number): void {
    const what = error instanceof Error ? error.message : String(error);
    const { repository } = this.#reference;
    this.#display.note(`${repository}: ${what}; again in ${Math.ceil(delayMs / 1000)} s`);
  }
}

function isConfig({ name }: RemoteFile): boolean {
  return name === "config.json";
}

function sleepUntil(milliseconds: number, signal: AbortSignal): Promise<void> {
  return sleepFor(milliseconds, undefined, { signal });
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
