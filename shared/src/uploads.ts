/** Uploads: large files sent straight to the bucket by presigned URLs. Times are seconds since 1970. */
import * as z from "zod";

import { ExpiresAfter, FilePurpose, Filename } from "./files.ts";
import type { FileObject } from "./files.ts";
import { MAX_UPLOAD_BYTES } from "./limits.ts";

/** As many parts as S3 lists at once. */
export const MAX_PARTS = 1000;

/** Presigned URLs of one answer. */
export const MAX_PART_URLS = 100;

const Sha256 = z.string().regex(/^[\da-f]{64}$/, "expected 64 hexadecimal digits in lower case");
const PartNumber = z.int().min(1).max(MAX_PARTS);

/** `POST /v1/uploads` */
export const NewUpload = z.strictObject({
  filename: Filename,
  bytes: z.int().min(1).max(MAX_UPLOAD_BYTES),
  mime_type: z
    .string()
    .max(100)
    .regex(
      /^(?:image|video)\/[\w.+-]+$/,
      "expected the type of a picture or clip, image/… or video/…",
    ),
  purpose: FilePurpose,
  expires_after: ExpiresAfter.optional(),
  /** Whether it is sent in parts, which can be resumed; above 16 MiB it is, unless said. */
  multipart: z.boolean().optional(),
  /** Of the whole file; `complete` compares it. */
  sha256: Sha256.optional(),
});
export type NewUpload = z.infer<typeof NewUpload>;

/** A part that the client has sent: the ETag the storage answered, and what it should hold. */
export const SentPart = z.strictObject({
  part_number: PartNumber,
  etag: z.string().regex(/^[\x21-\x7e]{1,512}$/, "expected the ETag that the storage answered"),
  sha256: Sha256.optional(),
});
export type SentPart = z.infer<typeof SentPart>;
const sentParts = z.array(SentPart).max(MAX_PARTS).default([]);

/** `POST /v1/uploads/{id}/parts` */
export const PartsRequest = z.strictObject({
  /** Parts whose URLs are wanted; the next ones that are missing unless said. */
  part_numbers: z.array(PartNumber).max(MAX_PART_URLS).optional(),
  /** Parts sent since the last call; whoever resumes the upload is told of them. */
  sent: sentParts,
});
export type PartsRequest = z.infer<typeof PartsRequest>;

/** `POST /v1/uploads/{id}/complete` */
export const CompleteRequest = z.strictObject({ sent: sentParts, sha256: Sha256.optional() });
export type CompleteRequest = z.infer<typeof CompleteRequest>;

/** A call that sends bytes to the storage: exactly these headers, which are signed, and so many bytes. */
export interface PresignedPut {
  method: "PUT";
  url: string;
  headers: Record<string, string>;
  bytes: number;
  expires_at: number;
}

export interface PresignedPart extends PresignedPut {
  part_number: number;
}

export interface UploadObject {
  id: string;
  object: "upload";
  bytes: number;
  created_at: number;
  expires_at: number;
  filename: string;
  purpose: string;
  mime_type: string;
  status: "pending" | "completed" | "cancelled";
  /** Of a completed upload. */
  file: FileObject | null;
  /** Bytes of each part but the last, and how many there are; null where one PUT carries everything. */
  part_size: number | null;
  part_count: number | null;
}

/** The answer to `POST /v1/uploads`: with `put`, or with the first of the parts. */
export interface StartedUpload extends UploadObject {
  put: PresignedPut | null;
  parts: PresignedPart[];
}

/** The answer to `POST /v1/uploads/{id}/parts`. */
export interface UploadParts {
  object: "upload.parts";
  upload_id: string;
  part_size: number;
  part_count: number;
  /** Parts that the storage has. */
  sent: { part_number: number; etag: string }[];
  parts: PresignedPart[];
}
