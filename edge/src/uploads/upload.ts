import type { UploadObject } from "@qwen3-vl/shared/uploads";

import { toFileObject } from "../files/stored-file.ts";
import type { StoredFile } from "../files/stored-file.ts";

/** Bytes on their way into the bucket. Times are milliseconds since 1970. */
export interface Upload {
  id: string;
  tenant: string;
  /** Sent by a client to presigned URLs, sent through the edge, or fetched by the edge for one request. */
  kind: "upload" | "file" | "media";
  status: "pending" | "completed" | "cancelled";
  objectKey: string;
  multipartId: string | null;
  /** Bytes of each part but the last; null where one PUT carries everything. */
  partBytes: number | null;
  filename: string;
  purpose: string;
  /** As the client declared it. */
  type: string;
  bytes: number;
  sha256: string | null;
  /** Lifetime of the file that it becomes. */
  fileSeconds: number | null;
  createdAt: number;
  expiresAt: number;
}

const PREFIX = "upload_";

/** 96 random bits: nobody finds another's by trying. */
export function newUploadId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return PREFIX + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export const isUploadId = (id: string) => /^upload_[\da-f]{24}$/.test(id);

/** One upload makes one file, however often it is completed. */
export const fileIdOf = (uploadId: string) => `file-${uploadId.slice(PREFIX.length)}`;

export function partCountOf({ bytes, partBytes }: Pick<Upload, "bytes" | "partBytes">): number {
  return partBytes === null ? 1 : Math.ceil(bytes / partBytes);
}

/** Bytes of one part, counted from 1. */
export function bytesOfPart({ bytes, partBytes }: Upload, partNumber: number): number {
  return partBytes === null ? bytes : Math.min(partBytes, bytes - (partNumber - 1) * partBytes);
}

const seconds = (milliseconds: number) => Math.floor(milliseconds / 1000);

export function toUploadObject(upload: Upload, file?: StoredFile): UploadObject {
  return {
    id: upload.id,
    object: "upload",
    bytes: upload.bytes,
    created_at: seconds(upload.createdAt),
    expires_at: seconds(upload.expiresAt),
    filename: upload.filename,
    purpose: upload.purpose,
    mime_type: upload.type,
    status: upload.status,
    file: file === undefined ? null : toFileObject(file),
    part_size: upload.partBytes,
    part_count: upload.partBytes === null ? null : partCountOf(upload),
  };
}
