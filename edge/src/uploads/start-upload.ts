import { ApiError } from "@qwen3-vl/shared/errors";
import type { NewUpload } from "@qwen3-vl/shared/uploads";
import { MAX_PARTS } from "@qwen3-vl/shared/uploads";

import type { ApiKey } from "../keys/api-key.ts";
import { createMultipart } from "../storage/multipart-objects.ts";
import type { S3Client } from "../storage/s3-client.ts";
import { newUploadId } from "./upload.ts";
import type { Upload } from "./upload.ts";
import { insertUpload, setMultipartId } from "./uploads-table.ts";

/** Where uploads live: their rows and their bytes. */
export interface UploadStore {
  db: D1Database;
  s3: S3Client;
}

/** Time to send everything; then what was sent is removed. */
const UPLOAD_MS = 24 * 3600 * 1000;

const MIB = 2 ** 20;
/** A part is the least that is sent again after an interruption. */
const PART_BYTES = 16 * MIB;
/** S3's own bound on one PUT. */
const MAX_PUT_BYTES = 5 * 2 ** 30;

/** @throws ApiError `insufficient_quota` when the bytes do not fit the key's `stored_bytes` */
export async function startUpload(
  { db, s3 }: UploadStore,
  apiKey: ApiKey,
  request: NewUpload,
  now: number,
): Promise<Upload> {
  const partBytes = partBytesOf(request);
  const upload = await reserveUpload(db, apiKey, {
    kind: "upload",
    partBytes,
    filename: request.filename,
    purpose: request.purpose,
    type: request.mime_type,
    bytes: request.bytes,
    sha256: request.sha256 ?? null,
    fileSeconds: request.expires_after?.seconds ?? null,
    createdAt: now,
    expiresAt: now + UPLOAD_MS,
  });
  if (partBytes === null) {
    return upload;
  }
  const multipartId = await createMultipart(s3, upload.objectKey, upload.type);
  await setMultipartId(db, upload.id, multipartId);
  return { ...upload, multipartId };
}

type UploadPlan = Omit<Upload, "id" | "tenant" | "status" | "objectKey" | "multipartId">;

/** Sets the bytes aside in the key's `stored_bytes`. @throws ApiError `insufficient_quota` */
export async function reserveUpload(
  db: D1Database,
  { id: apiKeyId, tenant, limits }: ApiKey,
  plan: UploadPlan,
): Promise<Upload> {
  const id = newUploadId();
  const objectKey = `${plan.kind}s/${id}`;
  const row = { ...plan, id, tenant, objectKey, multipartId: null, status: "pending" } as const;
  if (!(await insertUpload(db, { ...row, apiKeyId }, limits.stored_bytes))) {
    throw storageFull(limits.stored_bytes);
  }
  return row;
}

export function storageFull(storedBytes: number | undefined): ApiError {
  return new ApiError(
    "insufficient_quota",
    `The file does not fit: this key may have ${storedBytes} bytes of files and unfinished uploads; delete some.`,
  );
}

/** Null for one PUT. */
function partBytesOf({ bytes, multipart = bytes > PART_BYTES }: NewUpload): number | null {
  if (multipart) {
    return Math.max(PART_BYTES, Math.ceil(bytes / MAX_PARTS / MIB) * MIB);
  }
  if (bytes > MAX_PUT_BYTES) {
    throw new ApiError(
      "invalid_request",
      `multipart: expected true for more than ${MAX_PUT_BYTES} bytes, got false.`,
      { param: "multipart" },
    );
  }
  return null;
}
