/** Uploads: large files sent straight to the bucket by presigned URLs. Times are seconds since 1970. */
import * as z from "zod";

import { ExpiresAfter, FileObject, FilePurpose, Filename } from "./files.ts";
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
  bytes: z.int().min(1).max(MAX_UPLOAD_BYTES).describe("Exactly as many as will be sent."),
  mime_type: z
    .string()
    .max(100)
    .regex(
      /^(?:image|video)\/[\w.+-]+$/,
      "expected the type of a picture or clip, image/… or video/…",
    )
    .describe("`image/…` or `video/…`; which of both is looked up in the first bytes."),
  purpose: FilePurpose,
  expires_after: ExpiresAfter.optional().describe("How long the file stays; for good unless said."),
  multipart: z
    .boolean()
    .optional()
    .describe(
      "Whether it is sent in parts, which can be resumed; above 16 MiB it is, unless said.",
    ),
  sha256: Sha256.optional().describe("Of the whole file; `complete` compares it."),
});
export type NewUpload = z.infer<typeof NewUpload>;

/** A part that the client has sent: the ETag the storage answered, and what it should hold. */
export const SentPart = z.strictObject({
  part_number: PartNumber,
  etag: z
    .string()
    .regex(/^[\x21-\x7e]{1,512}$/, "expected the ETag that the storage answered")
    .describe("The ETag that the storage answered."),
  sha256: Sha256.optional().describe("Of the part; `complete` compares it."),
});
export type SentPart = z.infer<typeof SentPart>;
const sentParts = z.array(SentPart).max(MAX_PARTS).default([]);

/** `POST /v1/uploads/{id}/parts` */
export const PartsRequest = z.strictObject({
  part_numbers: z
    .array(PartNumber)
    .max(MAX_PART_URLS)
    .optional()
    .describe("Parts whose URLs are wanted; the next ones that are missing unless said."),
  sent: sentParts.describe(
    "Parts sent since the last call; whoever resumes the upload is told of them.",
  ),
});
export type PartsRequest = z.infer<typeof PartsRequest>;

/** `POST /v1/uploads/{id}/complete` */
export const CompleteRequest = z.strictObject({
  sent: sentParts.describe("Parts sent since the last call of `parts`."),
  sha256: Sha256.optional().describe("Of the whole file, where it was not told before."),
});
export type CompleteRequest = z.infer<typeof CompleteRequest>;

const bytes = z.int().positive();
const unixSeconds = z.int().nonnegative();

/** A call that sends bytes to the storage: exactly these headers, which are signed, and so many bytes. */
export const PresignedPut = z.object({
  method: z.literal("PUT"),
  url: z.string().describe("Of the storage; it needs no key."),
  headers: z.record(z.string(), z.string()).describe("To be sent exactly so, for they are signed."),
  bytes: bytes.describe("How many must be sent."),
  expires_at: unixSeconds.describe("Until when the URL is taken."),
});
export type PresignedPut = z.infer<typeof PresignedPut>;

export const PresignedPart = PresignedPut.extend({ part_number: PartNumber });
export type PresignedPart = z.infer<typeof PresignedPart>;

export const UploadObject = z.object({
  id: z.string().describe("`upload_…`"),
  object: z.literal("upload"),
  bytes,
  created_at: unixSeconds,
  expires_at: unixSeconds.describe("Until when everything must be sent."),
  filename: z.string(),
  purpose: z.string(),
  mime_type: z.string(),
  status: z.enum(["pending", "completed", "cancelled"]),
  file: FileObject.nullable().describe("Of a completed upload."),
  part_size: bytes
    .nullable()
    .describe("Bytes of each part but the last; null where one PUT carries everything."),
  part_count: z.int().positive().nullable(),
});
export type UploadObject = z.infer<typeof UploadObject>;

/** The answer to `POST /v1/uploads`: with `put`, or with the first of the parts. */
export const StartedUpload = UploadObject.extend({
  put: PresignedPut.nullable().describe(
    "The call that sends everything; null where there are parts.",
  ),
  parts: z.array(PresignedPart).describe("The calls that send the first parts."),
});
export type StartedUpload = z.infer<typeof StartedUpload>;

/** The answer to `POST /v1/uploads/{id}/parts`. */
export const UploadParts = z.object({
  object: z.literal("upload.parts"),
  upload_id: z.string(),
  part_size: bytes,
  part_count: z.int().positive(),
  sent: z
    .array(z.object({ part_number: PartNumber, etag: z.string() }))
    .describe("Parts that the storage has."),
  parts: z.array(PresignedPart).describe("The calls that send the parts that were asked for."),
});
export type UploadParts = z.infer<typeof UploadParts>;
