import { FILE_ID } from "@qwen3-vl/shared/files";

import { findFiles } from "../files/files-table.ts";
import type { ApiKey } from "../keys/api-key.ts";
import { atMost } from "../storage/at-most.ts";
import type { S3Client } from "../storage/s3-client.ts";
import { findStorage } from "../storage/storage-settings.ts";
import type { StorageEnv } from "../storage/storage-settings.ts";
import { storeUnlessSmall } from "../storage/store-stream.ts";
import type { StoredObject } from "../storage/store-stream.ts";
import { removeBytes } from "../uploads/finish-upload.ts";
import { newUploadId } from "../uploads/upload.ts";
import { deleteUploadRow, insertUpload } from "../uploads/uploads-table.ts";

/** Bytes in the bucket that a GPU worker may fetch. */
export interface LinkableMedium {
  /** A presigned URL. */
  href: string;
  bytes: number;
  type: string;
  /** Lower-case hex; null where nobody has computed it. */
  sha256: string | null;
  etag: string;
}

/** A request waits in line, and then its media are fetched at once. */
const HREF_SECONDS = 3600;
/** What the request that it was fetched for has not removed by then is swept. */
const STAGED_MS = 6 * 3600 * 1000;

/** Connections to the bucket at a time: with the four that clips come by, as many as the platform allows. */
const MAX_SENDING = 2;

interface LibraryOptions {
  db: D1Database;
  s3: S3Client;
  apiKey: ApiKey;
}

/** What one request may find in the bucket, and what it puts there for its own time. */
export class MediaLibrary {
  readonly #options: LibraryOptions;
  readonly #gate = atMost(MAX_SENDING);
  readonly #staging: Promise<unknown>[] = [];
  readonly #staged: { id: string; objectKey: string; multipartId: string }[] = [];

  constructor(options: LibraryOptions) {
    this.#options = options;
  }

  /** The files of these ids that are the tenant's, by id; others are left out. */
  async find(ids: readonly string[]): Promise<ReadonlyMap<string, LinkableMedium>> {
    const { db, s3, apiKey } = this.#options;
    const possible = ids.filter((id) => FILE_ID.test(id));
    if (possible.length === 0) {
      return new Map();
    }
    const files = await findFiles(db, { tenant: apiKey.tenant, now: Date.now() }, possible);
    const entries = files.map(async ({ id, objectKey, bytes, type, sha256, etag }) => {
      const href = await presignGet(s3, objectKey);
      return [id, { href, bytes, type, sha256, etag }] as const;
    });
    return new Map(await Promise.all(entries));
  }

  /** Stores what does not fit one part, until the request ends; less is given back as it is. */
  async stage(
    chunks: AsyncIterable<Uint8Array>,
    options: { typeOf: (head: Uint8Array) => string; signal: AbortSignal; onLarge: () => void },
  ): Promise<LinkableMedium | Uint8Array<ArrayBuffer>> {
    const id = newUploadId();
    const objectKey = `staged/${id}`;
    const onMultipart = async (multipartId: string) => {
      options.onLarge();
      this.#staged.push({ id, objectKey, multipartId });
      await this.#note(id, objectKey, multipartId);
    };
    const { s3 } = this.#options;
    const store = { ...options, s3, key: objectKey, onMultipart, gate: this.#gate };
    const storing = storeUnlessSmall(chunks, store);
    this.#staging.push(storing);
    const stored = await storing;
    return stored instanceof Uint8Array ? stored : link(s3, objectKey, stored);
  }

  /** Removes what was staged. Never rejects: what cannot be removed now is swept later. */
  async release(): Promise<void> {
    await Promise.allSettled(this.#staging); // of several one may have failed, and stopped the others
    const { db, s3 } = this.#options;
    for (const upload of this.#staged.splice(0)) {
      try {
        await removeBytes(s3, upload);
        await deleteUploadRow(db, upload.id);
      } catch {
        // the sweep finds its row
      }
    }
  }

  async #note(id: string, objectKey: string, multipartId: string): Promise<void> {
    const { db, apiKey } = this.#options;
    const createdAt = Date.now();
    const row = {
      id,
      objectKey,
      multipartId,
      tenant: apiKey.tenant,
      apiKeyId: apiKey.id,
      kind: "media",
      status: "pending",
      partBytes: null,
      filename: "",
      purpose: "",
      type: "",
      bytes: 0,
      sha256: null,
      fileSeconds: null,
      createdAt,
      expiresAt: createdAt + STAGED_MS,
    } as const;
    await insertUpload(db, row, undefined); // it is not the tenant's to keep, so it counts nowhere
  }
}

/** Undefined where the deployment has no bucket. */
export function openMediaLibrary(
  env: StorageEnv & { DB: D1Database },
  apiKey: ApiKey,
): MediaLibrary | undefined {
  const s3 = findStorage(env);
  return s3 === undefined ? undefined : new MediaLibrary({ db: env.DB, s3, apiKey });
}

async function link(s3: S3Client, key: string, stored: StoredObject): Promise<LinkableMedium> {
  return { ...stored, href: await presignGet(s3, key) };
}

function presignGet(s3: S3Client, key: string): Promise<string> {
  return s3.presign({ method: "GET", key, seconds: HREF_SECONDS });
}
