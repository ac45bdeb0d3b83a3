import { ApiError } from "@qwen3-vl/shared/errors";
import type { CompleteRequest, SentPart } from "@qwen3-vl/shared/uploads";

import { findFile } from "../files/files-table.ts";
import type { StoredFile } from "../files/stored-file.ts";
import { abortMultipart, completeMultipart } from "../storage/multipart-objects.ts";
import { deleteObject, headObject } from "../storage/objects.ts";
import { S3Error } from "../storage/s3-client.ts";
import type { S3Client } from "../storage/s3-client.ts";
import type { UploadStore } from "./start-upload.ts";
import { missingParts, sentParts } from "./upload-parts.ts";
import { fileIdOf } from "./upload.ts";
import type { Upload } from "./upload.ts";
import { cancelUpload, completeUpload } from "./uploads-table.ts";
import { verifyObject } from "./verify-object.ts";
import type { Checksums } from "./verify-object.ts";

/**
 * Puts the parts together, verifies what is there and makes its file; a second call finds the same
 * file. Bytes that are not what was promised are removed, and the upload is over.
 */
export async function finishUpload(
  store: UploadStore,
  upload: Upload,
  { sent, sha256: told }: CompleteRequest,
  now: number,
): Promise<StoredFile> {
  if (upload.status === "completed") {
    return fileOf(store, upload, now);
  }
  const sha256 = agreedSha256(upload, told);
  const parts = await sentParts(store, upload, sent);
  if (upload.multipartId !== null) {
    assertComplete(upload, parts);
    await joinParts(store.s3, upload, upload.multipartId, parts);
  }
  const { type, etag } = await verifyOrDiscard(store, upload, { sha256, parts });
  const { filename, purpose, bytes, fileSeconds } = upload;
  const expiresAt = fileSeconds === null ? null : now + fileSeconds * 1000;
  const facts = { filename, purpose, bytes, type, etag, sha256, expiresAt };
  await completeUpload(store.db, upload.id, facts, now);
  return fileOf(store, upload, now);
}

/** Removes what was sent. @throws ApiError `conflict` unless it was pending */
export async function discardUpload(store: UploadStore, upload: Upload): Promise<void> {
  if (!(await cancelUpload(store.db, upload.id))) {
    throw new ApiError("conflict", "Expected a pending upload; it was completed or cancelled.");
  }
  await removeBytes(store.s3, upload);
}

/** Also what was sent and not put together. */
export async function removeBytes(
  s3: S3Client,
  { objectKey, multipartId }: Pick<Upload, "objectKey" | "multipartId">,
): Promise<void> {
  if (multipartId !== null) {
    await abortMultipart(s3, objectKey, multipartId);
  }
  await deleteObject(s3, objectKey);
}

async function fileOf({ db }: UploadStore, upload: Upload, now: number): Promise<StoredFile> {
  const file = await findFile(db, { tenant: upload.tenant, now }, fileIdOf(upload.id));
  if (file === undefined) {
    throw new ApiError("conflict", "The upload was cancelled, or its file deleted.");
  }
  return file;
}

function agreedSha256({ sha256: declared }: Upload, told: string | undefined): string | null {
  if (declared !== null && told !== undefined && told !== declared) {
    throw new ApiError(
      "invalid_request",
      `sha256: expected ${declared}, as when the upload began, got ${told}.`,
      { param: "sha256" },
    );
  }
  return declared ?? told ?? null;
}

const SHOWN_PARTS = 20;

function assertComplete(upload: Upload, parts: readonly SentPart[]): void {
  const missing = missingParts(upload, parts);
  if (missing.length > 0) {
    const shown = missing.slice(0, SHOWN_PARTS).join(", ");
    const more = missing.length > SHOWN_PARTS ? ` and ${missing.length - SHOWN_PARTS} more` : "";
    throw new ApiError(
      "invalid_request",
      `Expected all parts, these are missing: ${shown}${more}.`,
      {
        param: "sent",
      },
    );
  }
}

async function joinParts(
  s3: S3Client,
  { objectKey }: Upload,
  multipartId: string,
  parts: readonly SentPart[],
): Promise<void> {
  const joined = parts.map(({ part_number: partNumber, etag }) => ({ partNumber, etag }));
  try {
    await completeMultipart(s3, objectKey, multipartId, joined);
  } catch (error) {
    // An earlier call may have joined them, and ended before it could say so.
    const wasJoined = error instanceof S3Error && error.code === "NoSuchUpload";
    if (wasJoined && (await headObject(s3, objectKey)) !== undefined) {
      return;
    }
    throw toPartError(error);
  }
}

function toPartError(error: unknown): unknown {
  if (!(error instanceof S3Error) || error.status >= 500) {
    return error;
  }
  return new ApiError(
    "invalid_request",
    `The storage cannot put the parts together (${error.code}): expected the ETag that it answered for each.`,
    { param: "sent", cause: error },
  );
}

async function verifyOrDiscard(
  store: UploadStore,
  upload: Upload,
  checksums: Checksums,
): Promise<{ type: string; etag: string }> {
  const facts = await headObject(store.s3, upload.objectKey);
  if (facts === undefined) {
    throw new ApiError("invalid_request", "Expected the file's bytes in the storage, got none.");
  }
  try {
    const type = await verifyObject(store.s3, upload, facts.bytes, checksums);
    return { type, etag: facts.etag };
  } catch (error) {
    if (error instanceof ApiError && error.code === "invalid_media") {
      await discardUpload(store, upload);
    }
    throw error;
  }
}
