import { ApiError } from "@qwen3-vl/shared/errors";
import { mapConcurrently } from "@qwen3-vl/shared/map-concurrently";
import { toHex } from "@qwen3-vl/shared/signature";
import type { SentPart } from "@qwen3-vl/shared/uploads";

import { readBytes } from "../http/read-body.ts";
import { SNIFFED_BYTES, sniffMedia } from "../media/sniff-media.ts";
import { getObject } from "../storage/objects.ts";
import type { S3Client } from "../storage/s3-client.ts";
import { bytesOfPart } from "./upload.ts";
import type { Upload } from "./upload.ts";

/** What the client says of the content; each is compared with the bytes that the storage has. */
export interface Checksums {
  sha256: string | null;
  parts: readonly SentPart[];
}

/** Ranges read at once: the platform allows six connections, and the database needs some. */
const MAX_READS = 4;

/**
 * Compares size, type and checksums with what was promised. The bytes flow into the digest within the
 * runtime; none is held.
 *
 * @param bytes the size that the storage tells
 * @returns the type by the first bytes
 * @throws ApiError `invalid_media` for the first that differs
 */
export async function verifyObject(
  s3: S3Client,
  upload: Upload,
  bytes: number,
  { sha256, parts }: Checksums,
): Promise<string> {
  if (bytes !== upload.bytes) {
    throw new ApiError("invalid_media", `Expected ${upload.bytes} bytes, got ${bytes}.`);
  }
  const type = await sniffedType(s3, upload);
  if (sha256 === null) {
    await mapConcurrently(parts, MAX_READS, (part, signal) => verifyPart(s3, upload, part, signal));
  } else {
    assertEqual("", await digestOf(s3, upload.objectKey, undefined), sha256);
  }
  return type;
}

async function sniffedType(s3: S3Client, { objectKey, type: declared }: Upload): Promise<string> {
  const range = `bytes=0-${SNIFFED_BYTES - 1}`;
  const response = await getObject(s3, objectKey, { range });
  const type = sniffMedia(await readBytes(response?.body ?? null, () => undefined));
  if (type === undefined || kindOf(type) !== kindOf(declared)) {
    const got = type ?? "bytes of another type";
    throw new ApiError("invalid_media", `Expected a file of type ${declared}, got ${got}.`);
  }
  return type;
}

/** Names of one format differ (`video/quicktime`, `video/mp4`); a picture is no clip. */
const kindOf = (type: string) => type.split("/", 1)[0];

async function verifyPart(
  s3: S3Client,
  upload: Upload,
  { part_number: number, sha256 }: SentPart,
  signal: AbortSignal,
): Promise<void> {
  if (sha256 === undefined) {
    return;
  }
  const start = (number - 1) * (upload.partBytes ?? 0);
  const range = `bytes=${start}-${start + bytesOfPart(upload, number) - 1}`;
  assertEqual(
    ` of part ${number}`,
    await digestOf(s3, upload.objectKey, { range, signal }),
    sha256,
  );
}

async function digestOf(
  s3: S3Client,
  key: string,
  options: { range: string; signal: AbortSignal } | undefined,
): Promise<string> {
  const response = await getObject(s3, key, options);
  const stream = new crypto.DigestStream("SHA-256");
  await (response?.body ?? new Blob([]).stream()).pipeTo(stream);
  return toHex(await stream.digest);
}

function assertEqual(what: string, actual: string, expected: string): void {
  if (actual !== expected) {
    throw new ApiError("invalid_media", `Expected the SHA-256${what} ${expected}, got ${actual}.`);
  }
}
