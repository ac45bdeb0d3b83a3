import type { Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

import { CheckpointError } from "../weights/checkpoint-error.ts";
import { hashOf } from "./remote-files.ts";
import type { RemoteFile } from "./remote-files.ts";

/** A file that is being fetched: what an earlier start has left of it, and what is added. */
export class PartFile implements AsyncDisposable {
  readonly #file: RemoteFile;
  readonly #path: string;
  readonly #handle: FileHandle;
  #hash: Hash;
  #length = 0;

  private constructor(file: RemoteFile, path: string, handle: FileHandle) {
    this.#file = file;
    this.#path = path;
    this.#handle = handle;
    this.#hash = hashOf(file);
  }

  static async open(file: RemoteFile, path: string): Promise<PartFile> {
    const part = new PartFile(file, path, await open(path, "a"));
    try {
      await part.#readKept();
      return part;
    } catch (error) {
      await part[Symbol.asyncDispose]();
      throw error;
    }
  }

  get length(): number {
    return this.#length;
  }

  get isWhole(): boolean {
    return this.#length === this.#file.bytes;
  }

  /** @throws CheckpointError when that is more than the file has */
  async append(bytes: Uint8Array): Promise<void> {
    const { name, bytes: whole } = this.#file;
    if (this.#length + bytes.length > whole) {
      await this.#delete();
      throw new CheckpointError(`${name}: more than its ${whole} bytes came`);
    }
    await this.#handle.writeFile(bytes);
    this.#hash.update(bytes);
    this.#length += bytes.length;
  }

  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#hash = hashOf(this.#file);
    this.#length = 0;
  }

  /**
   * Gives the whole file its name; whoever finds that name can trust the content.
   *
   * @throws CheckpointError when the checksum differs; the bytes are deleted then
   */
  async finish(path: string): Promise<void> {
    const { name, checksum } = this.#file;
    const actual = this.#hash.digest("hex");
    if (actual !== checksum.hex) {
      await this.#delete();
      throw new CheckpointError(
        `${name}: expected the checksum ${checksum.hex}, got ${actual}; what came was deleted, start again`,
      );
    }
    await this.#handle.sync();
    await rename(this.#path, path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  async #readKept(): Promise<void> {
    const { size } = await this.#handle.stat();
    if (size > this.#file.bytes) {
      await this.restart();
      return;
    }
    if (size > 0) {
      for await (const chunk of createReadStream(this.#path)) {
        this.#hash.update(chunk);
      }
      this.#length = size;
    }
  }

  async #delete(): Promise<void> {
    await rm(this.#path, { force: true });
  }
}
