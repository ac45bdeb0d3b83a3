import { toHex } from "@qwen3-vl/shared/signature";

import type { Gate } from "./at-most.ts";
import {
  abortMultipart,
  completeMultipart,
  createMultipart,
  putPart,
} from "./multipart-objects.ts";
import type { StoredPart } from "./multipart-objects.ts";
import { headObject, putObject } from "./objects.ts";
import type { S3Client } from "./s3-client.ts";

/** Held in memory at a time; S3 takes no part but the last below 5 MiB. */
export const STORED_PART_BYTES = 8 * 2 ** 20;

export interface StoredObject {
  type: string;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
  /** With its quotes. */
  etag: string;
}

export interface StoreOptions {
  s3: S3Client;
  key: string;
  /** The type by the first bytes; throws when they are none that is wanted. Nothing is stored before. */
  typeOf: (head: Uint8Array) => string;
  /** Hears of the multipart upload, before its first part is sent. */
  onMultipart: (multipartId: string) => Promise<void>;
  signal?: AbortSignal;
  /** Who sends together with others waits here for a connection. */
  gate?: Gate;
}

/** Stores bytes of unknown number as they come, one part at a time; what fails half-way is given up. */
export async function storeStream(
  chunks: AsyncIterable<Uint8Array>,
  options: StoreOptions,
): Promise<StoredObject> {
  const writer = new ObjectWriter(options);
  try {
    for await (const chunk of chunks) {
      await writer.write(chunk);
    }
    return await writer.finish();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** The same, but what fits one part is not stored: its bytes are the result. */
export async function storeUnlessSmall(
  chunks: AsyncIterable<Uint8Array>,
  options: StoreOptions,
): Promise<StoredObject | Uint8Array<ArrayBuffer>> {
  const writer = new ObjectWriter(options);
  try {
    for await (const chunk of chunks) {
      await writer.write(chunk);
    }
    return writer.unsent() ?? (await writer.finish());
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

class ObjectWriter {
  readonly #options: StoreOptions;
  readonly #part = new Uint8Array(STORED_PART_BYTES);
  readonly #digest = new crypto.DigestStream("SHA-256");
  readonly #hash = this.#digest.getWriter();
  readonly #parts: StoredPart[] = [];
  #filled = 0;
  #bytes = 0;
  #type = "";
  #multipartId: string | undefined;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#digest.digest.catch(() => undefined); // when it is given up
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let offset = 0; offset < chunk.length;) {
      // Only when more comes is a full part not the last one.
      if (this.#filled === this.#part.length) {
        await this.#sendPart();
      }
      const piece = chunk.subarray(offset, offset + this.#part.length - this.#filled);
      this.#part.set(piece, this.#filled);
      this.#filled += piece.length;
      offset += piece.length;
    }
    this.#bytes += chunk.length;
    await this.#hash.write(chunk);
  }

  async finish(): Promise<StoredObject> {
    const { s3, key, signal } = this.#options;
    let etag: string;
    if (this.#multipartId === undefined) {
      this.#type = this.#options.typeOf(this.#held());
      ({ etag } = await putObject(s3, key, { body: this.#held(), type: this.#type, signal }));
    } else {
      await this.#sendPart();
      await completeMultipart(s3, key, this.#multipartId, this.#parts);
      etag = (await headObject(s3, key))?.etag ?? "";
    }
    await this.#hash.close();
    const sha256 = toHex(await this.#digest.digest);
    return { type: this.#type, bytes: this.#bytes, sha256, etag };
  }

  /** All bytes so far, unless some were sent. */
  unsent(): Uint8Array<ArrayBuffer> | undefined {
    if (this.#multipartId !== undefined) {
      return undefined;
    }
    this.#hash.abort().catch(() => undefined);
    return this.#held().slice();
  }

  /** Never rejects: what cannot be removed now is swept later. */
  async abort(): Promise<void> {
    const { s3, key } = this.#options;
    await this.#hash.abort().catch(() => undefined);
    if (this.#multipartId !== undefined) {
      await abortMultipart(s3, key, this.#multipartId).catch(() => undefined);
    }
  }

  async #sendPart(): Promise<void> {
    const { s3, key, signal } = this.#options;
    if (this.#multipartId === undefined) {
      this.#type = this.#options.typeOf(this.#held());
      this.#multipartId = await createMultipart(s3, key, this.#type);
      await this.#options.onMultipart(this.#multipartId);
    }
    const partNumber = this.#parts.length + 1;
    const part = { multipartId: this.#multipartId, partNumber, body: this.#held(), signal };
    const send = () => putPart(s3, key, part);
    this.#parts.push(await (this.#options.gate?.(send) ?? send()));
    this.#filled = 0;
  }

  #held(): Uint8Array<ArrayBuffer> {
    return this.#part.subarray(0, this.#filled);
  }
}
