import { ApiError } from "@qwen3-vl/shared/errors";
import { ExpiresAfter, FilePurpose, Filename } from "@qwen3-vl/shared/files";
import { MAX_FILE_BODY_BYTES } from "@qwen3-vl/shared/limits";
import * as z from "zod";

import { readForm } from "../http/form-stream.ts";
import type { FormPart } from "../http/form-stream.ts";
import { parseValue } from "../http/parse-json-body.ts";
import { acceptUpTo, readUtf8 } from "../http/read-body.ts";
import type { ApiKey } from "../keys/api-key.ts";
import { sniffMedia } from "../media/sniff-media.ts";
import { storeStream } from "../storage/store-stream.ts";
import type { StoredObject } from "../storage/store-stream.ts";
import { removeBytes } from "../uploads/finish-upload.ts";
import { reserveUpload, storageFull } from "../uploads/start-upload.ts";
import type { UploadStore } from "../uploads/start-upload.ts";
import { fileIdOf } from "../uploads/upload.ts";
import type { Upload } from "../uploads/upload.ts";
import {
  cancelUpload,
  completeUpload,
  resizeUpload,
  setMultipartId,
} from "../uploads/uploads-table.ts";
import { findFile } from "./files-table.ts";
import type { StoredFile } from "./stored-file.ts";

/** The fields of OpenAI's form beside the file itself. */
const Fields = z.strictObject({
  purpose: FilePurpose,
  expires_after: ExpiresAfter.optional(),
});

/** A form that is cut off is removed by the sweep after this time. */
const RECEIVING_MS = 3600 * 1000;
const MAX_FIELD_BYTES = 1024;

/** What is not known of a file before its form was read. */
const UNKNOWN = {
  kind: "file",
  partBytes: null,
  filename: "",
  purpose: "",
  type: "",
  sha256: null,
  fileSeconds: null,
} as const;

/**
 * Receives the form of `POST /v1/files` and stores its file part by part as it comes; the other
 * fields may stand before it or behind.
 *
 * @throws ApiError for a wrong field, too many bytes, or what is neither picture nor clip
 */
export async function createFile(
  store: UploadStore,
  apiKey: ApiKey,
  request: Request,
  { drainRefused = false }: { drainRefused?: boolean } = {},
): Promise<StoredFile> {
  const announced = Number(request.headers.get("Content-Length"));
  if (announced > MAX_FILE_BODY_BYTES) {
    throw tooLarge();
  }
  const createdAt = Date.now();
  const upload = await reserveUpload(store.db, apiKey, {
    ...UNKNOWN,
    bytes: announced,
    createdAt,
    expiresAt: createdAt + RECEIVING_MS,
  });
  const receiver = new FormReceiver(store, upload, request.signal);
  try {
    const { filename, fields, object } = await receiver.receive(
      readForm(request, { drainRefused }),
    );
    if (!(await resizeUpload(store.db, upload, object.bytes, apiKey.limits.stored_bytes))) {
      throw storageFull(apiKey.limits.stored_bytes);
    }
    const now = Date.now();
    const { purpose, expires_after: expiry } = fields;
    const expiresAt = expiry === undefined ? null : now + expiry.seconds * 1000;
    await completeUpload(store.db, upload.id, { filename, purpose, ...object, expiresAt }, now);
    return await createdFile(store, upload, now);
  } catch (error) {
    await giveUp(store, upload, receiver.multipartId);
    throw error;
  }
}

interface ReceivedForm {
  filename: string;
  fields: z.infer<typeof Fields>;
  object: StoredObject;
}

class FormReceiver {
  multipartId: string | null = null;
  readonly #store: UploadStore;
  readonly #upload: Upload;
  readonly #signal: AbortSignal;
  readonly #accept = acceptUpTo(MAX_FILE_BODY_BYTES, tooLarge);

  constructor(store: UploadStore, upload: Upload, signal: AbortSignal) {
    this.#store = store;
    this.#upload = upload;
    this.#signal = signal;
  }

  async receive(form: AsyncIterable<FormPart>): Promise<ReceivedForm> {
    let file: Pick<ReceivedForm, "filename" | "object"> | undefined;
    const fields = new Map<string, string>();
    for await (const part of form) {
      if (part.name === "file" && file === undefined) {
        file = await this.#receiveFile(part);
      } else if (part.filename === undefined && !fields.has(part.name)) {
        fields.set(part.name, await readField(part));
      } else {
        throw new ApiError("invalid_request", "Expected one file in the field `file`.", {
          param: "file",
        });
      }
    }
    if (file === undefined) {
      throw new ApiError("invalid_request", "file: expected the file's bytes.", { param: "file" });
    }
    return { ...file, fields: parseFields(fields) };
  }

  async #receiveFile(part: FormPart): Promise<Pick<ReceivedForm, "filename" | "object">> {
    const filename = parseValue({ file: part.filename }, z.object({ file: Filename })).file;
    const { db, s3 } = this.#store;
    const object = await storeStream(this.#counted(part.bytes), {
      s3,
      key: this.#upload.objectKey,
      typeOf,
      onMultipart: async (id) => {
        this.multipartId = id;
        await setMultipartId(db, this.#upload.id, id);
      },
      signal: this.#signal,
    });
    return { filename, object };
  }

  async *#counted(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      this.#accept(chunk.byteLength);
      yield chunk;
    }
  }
}

function typeOf(head: Uint8Array): string {
  const type = sniffMedia(head);
  if (type === undefined) {
    const got = head.byteLength === 0 ? "no bytes" : "bytes of another type";
    throw new ApiError("invalid_media", `Expected a picture or a clip, got ${got}.`, {
      param: "file",
    });
  }
  return type;
}

async function readField({ name, bytes }: FormPart): Promise<string> {
  const tooLong = () =>
    new ApiError("invalid_request", `Expected a field of at most ${MAX_FIELD_BYTES} bytes.`, {
      param: name.slice(0, 100),
    });
  return readUtf8(bytes, acceptUpTo(MAX_FIELD_BYTES, tooLong));
}

/** `expires_after[anchor]` and `expires_after[seconds]` are one object, as OpenAI's clients write it. */
function parseFields(fields: ReadonlyMap<string, string>): z.infer<typeof Fields> {
  const plain: Record<string, unknown> = Object.create(null);
  const expiry: Record<string, unknown> = Object.create(null);
  for (const [name, value] of fields) {
    const inner = /^expires_after\[(\w+)\]$/.exec(name)?.[1];
    if (inner === undefined) {
      plain[name] = value;
    } else {
      expiry[inner] = inner === "seconds" ? Number(value) : value;
      plain["expires_after"] = expiry;
    }
  }
  return parseValue(plain, Fields);
}

async function createdFile(
  { db }: UploadStore,
  { id, tenant }: Upload,
  now: number,
): Promise<StoredFile> {
  const file = await findFile(db, { tenant, now }, fileIdOf(id));
  if (file === undefined) {
    throw new Error(`the file of ${id} is gone while it is created`);
  }
  return file;
}

/** Never rejects: what cannot be removed now is swept later. */
async function giveUp(store: UploadStore, upload: Upload, multipartId: string | null) {
  await cancelUpload(store.db, upload.id).catch(() => undefined);
  await removeBytes(store.s3, { ...upload, multipartId }).catch(() => undefined);
}

function tooLarge(): ApiError {
  return new ApiError(
    "request_too_large",
    `The body is larger than ${MAX_FILE_BODY_BYTES} bytes; send large files with POST /v1/uploads.`,
    { param: "file" },
  );
}
