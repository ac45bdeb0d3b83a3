import type { SentPart } from "@qwen3-vl/shared/uploads";

import { listParts } from "../storage/multipart-objects.ts";
import { findParts, saveParts } from "./parts-table.ts";
import type { UploadStore } from "./start-upload.ts";
import { partCountOf } from "./upload.ts";
import type { Upload } from "./upload.ts";

/**
 * The parts that are there, ascending: by the storage's own list where it gives one, else by what
 * clients said; their checksums are the clients'.
 */
export async function sentParts(
  { db, s3 }: UploadStore,
  upload: Upload,
  news: readonly SentPart[],
): Promise<SentPart[]> {
  await saveParts(db, upload.id, news);
  const [told, listed] = await Promise.all([
    findParts(db, upload.id),
    upload.multipartId === null ? undefined : listParts(s3, upload.objectKey, upload.multipartId),
  ]);
  return (listed === undefined ? told : reconcile(told, listed)).filter(
    (part) => part.part_number <= partCountOf(upload),
  );
}

/** A part that was sent again has another ETag, and what was told of its content does not hold. */
function reconcile(
  told: readonly SentPart[],
  listed: readonly { partNumber: number; etag: string }[],
): SentPart[] {
  const byNumber = new Map(told.map((part) => [part.part_number, part]));
  return listed
    .map(({ partNumber, etag }) => {
      const known = byNumber.get(partNumber);
      return known !== undefined && bare(known.etag) === bare(etag)
        ? { ...known, etag }
        : { part_number: partNumber, etag };
    })
    .toSorted((a, b) => a.part_number - b.part_number);
}

const bare = (etag: string) => etag.replaceAll('"', "");

/** Ascending. */
export function missingParts(upload: Upload, sent: readonly SentPart[]): number[] {
  const there = new Set(sent.map((part) => part.part_number));
  return Array.from({ length: partCountOf(upload) }, (_, index) => index + 1).filter(
    (partNumber) => !there.has(partNumber),
  );
}
