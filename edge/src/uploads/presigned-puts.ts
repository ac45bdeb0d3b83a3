import { toBase64 } from "@qwen3-vl/shared/base64";
import type { PresignedPart, PresignedPut } from "@qwen3-vl/shared/uploads";

import type { S3Client } from "../storage/s3-client.ts";
import { bytesOfPart } from "./upload.ts";
import type { Upload } from "./upload.ts";

/** A slow line sends a part of 64 MiB in less; more URLs are one call away. */
const URL_SECONDS = 3600;

/** The one call that sends everything, once: what was verified cannot be replaced later. */
export async function presignPut(s3: S3Client, upload: Upload, now: number): Promise<PresignedPut> {
  const headers = {
    "Content-Type": upload.type,
    "If-None-Match": "*",
    ...(upload.sha256 === null ? {} : { "x-amz-checksum-sha256": hexToBase64(upload.sha256) }),
  };
  return presign(s3, upload, { headers, query: {}, bytes: upload.bytes, now });
}

/** The calls that send these parts. */
export function presignParts(
  s3: S3Client,
  upload: Upload,
  partNumbers: readonly number[],
  now: number,
): Promise<PresignedPart[]> {
  const { multipartId } = upload;
  if (multipartId === null) {
    throw new Error(`upload ${upload.id} has no parts`);
  }
  return Promise.all(
    partNumbers.map(async (partNumber) => {
      const query = { uploadId: multipartId, partNumber: String(partNumber) };
      const bytes = bytesOfPart(upload, partNumber);
      const put = await presign(s3, upload, { headers: {}, query, bytes, now });
      return { part_number: partNumber, ...put };
    }),
  );
}

interface Put {
  headers: Record<string, string>;
  query: Record<string, string>;
  bytes: number;
  now: number;
}

/** The length is signed too; whoever sends the bytes says it by itself. */
async function presign(
  s3: S3Client,
  { objectKey: key, expiresAt }: Upload,
  { headers, query, bytes, now }: Put,
): Promise<PresignedPut> {
  const left = Math.floor((expiresAt - now) / 1000);
  const seconds = Math.max(1, Math.min(URL_SECONDS, left));
  const signed = { ...headers, "Content-Length": String(bytes) };
  return {
    method: "PUT",
    url: await s3.presign({ method: "PUT", key, query, headers: signed, seconds }),
    headers,
    bytes,
    expires_at: Math.floor(now / 1000) + seconds,
  };
}

function hexToBase64(hex: string): string {
  return toBase64(Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)));
}
