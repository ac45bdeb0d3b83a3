import type { SentPart } from "@qwen3-vl/shared/uploads";
import * as z from "zod";

const Row = z.object({ part_number: z.int(), etag: z.string(), sha256: z.string().nullable() });

/** What clients have said of an upload's parts, the last word of each. */
export async function findParts(db: D1Database, uploadId: string): Promise<SentPart[]> {
  const { results } = await db
    .prepare(
      "SELECT part_number, etag, sha256 FROM upload_parts WHERE upload_id = ? ORDER BY part_number",
    )
    .bind(uploadId)
    .all();
  return z
    .array(Row)
    .parse(results)
    .map(({ part_number, etag, sha256 }) =>
      sha256 === null ? { part_number, etag } : { part_number, etag, sha256 },
    );
}

/** One statement for all of them: a database call is a round trip. */
export async function saveParts(
  db: D1Database,
  uploadId: string,
  parts: readonly SentPart[],
): Promise<void> {
  if (parts.length === 0) {
    return;
  }
  await db
    .prepare(
      "INSERT OR REPLACE INTO upload_parts (upload_id, part_number, etag, sha256) " +
        "SELECT ?1, value ->> 'part_number', value ->> 'etag', value ->> 'sha256' FROM json_each(?2)",
    )
    .bind(uploadId, JSON.stringify(parts))
    .run();
}
