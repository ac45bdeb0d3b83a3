import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { HubReference } from "./model-source.ts";

const COMMIT = /^[0-9a-f]{40}$/;

/**
 * Where the commits of one repository are kept:
 *
 * - `owner--name--commit`: a checkpoint; a folder of this name is complete
 * - `owner--name--commit.part`: what there is so far of one
 * - `owner--name@revision`: the commit that a branch or tag stood for when it was fetched
 * - `owner--name.lock`: held by the process that fetches
 */
export class CheckpointCache {
  readonly #reference: HubReference;
  readonly #root: string;
  readonly #prefix: string;

  constructor(root: string, reference: HubReference) {
    this.#root = root;
    this.#reference = reference;
    this.#prefix = join(root, reference.repository.replace("/", "--"));
  }

  get lockPath(): string {
    return `${this.#prefix}.lock`;
  }

  folderOf(commit: string): string {
    return `${this.#prefix}--${commit}`;
  }

  unfinishedFolderOf(commit: string): string {
    return `${this.folderOf(commit)}.part`;
  }

  /** The checkpoint's folder, if it is complete. */
  async find(): Promise<string | undefined> {
    const commit = await this.#knownCommit();
    return commit !== undefined && (await this.has(commit)) ? this.folderOf(commit) : undefined;
  }

  has(commit: string): Promise<boolean> {
    return stat(this.folderOf(commit)).then(
      () => true,
      () => false,
    );
  }

  async prepare(): Promise<void> {
    await mkdir(this.#root, { recursive: true });
  }

  async complete(commit: string): Promise<void> {
    await rename(this.unfinishedFolderOf(commit), this.folderOf(commit));
  }

  /** The next start asks for the same revision, and must not need the hub to know what it is. */
  async remember(commit: string): Promise<void> {
    await writeFile(`${this.#revisionPath}.tmp`, `${commit}\n`, { flush: true });
    await rename(`${this.#revisionPath}.tmp`, this.#revisionPath);
  }

  async #knownCommit(): Promise<string | undefined> {
    const { revision } = this.#reference;
    if (COMMIT.test(revision)) {
      return revision;
    }
    const text = await readFile(this.#revisionPath, "utf8").catch(() => "");
    return COMMIT.test(text.trim()) ? text.trim() : undefined;
  }

  get #revisionPath(): string {
    return `${this.#prefix}@${encodeURIComponent(this.#reference.revision)}`;
  }
}
