import * as z from "zod";

import { fileIdOf } from "./upload.ts";
import type { Upload } from "./upload.ts";

const Row = z
  .object({
    id: z.string(),
    tenant: z.string(),
    kind: z.enum(["upload", "file", "media"]),
    status: z.enum(["pending", "completed", "cancelled"]),
    object_key: z.string(),
    multipart_id: z.string().nullable(),
    part_bytes: z.int().nullable(),
    filename: z.string(),
    purpose: z.string(),
    type: z.string(),
    bytes: z.int(),
    sha256: z.string().nullable(),
    file_seconds: z.int().nullable(),
    created_at: z.int(),
    expires_at: z.int(),
  })
  .transform((row): Upload => ({
    id: row.id,
    tenant: row.tenant,
    kind: row.kind,
    status: row.status,
    objectKey: row.object_key,
    multipartId: row.multipart_id,
    partBytes: row.part_bytes,
    filename: row.filename,
    purpose: row.purpose,
    type: row.type,
    bytes: row.bytes,
    sha256: row.sha256,
    fileSeconds: row.file_seconds,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  }));

/** Files of a tenant and what is on its way to become one, without the row `?2`. */
const STORED_BYTES =
  "(SELECT COALESCE(SUM(bytes), 0) FROM files WHERE tenant = ?1) + " +
  "(SELECT COALESCE(SUM(bytes), 0) FROM uploads WHERE tenant = ?1 AND id <> ?2 " +
  "AND status = 'pending' AND kind <> 'media')";

export interface NewUploadRow extends Upload {
  apiKeyId: string;
}

/**
 * Stores an upload if its bytes fit beside what the tenant has, in one statement, so that uploads that
 * begin together cannot pass the limit together.
 *
 * @returns whether they fit
 */
export async function insertUpload(
  db: D1Database,
  upload: NewUploadRow,
  maxStoredBytes: number | undefined,
): Promise<boolean> {
  const columns = {
    tenant: upload.tenant,
    id: upload.id,
    api_key_id: upload.apiKeyId,
    kind: upload.kind,
    status: upload.status,
    object_key: upload.objectKey,
    multipart_id: upload.multipartId,
    part_bytes: upload.partBytes,
    filename: upload.filename,
    purpose: upload.purpose,
    type: upload.type,
    bytes: upload.bytes,
    sha256: upload.sha256,
    file_seconds: upload.fileSeconds,
    created_at: upload.createdAt,
    expires_at: upload.expiresAt,
  };
  const names = Object.keys(columns);
  const marks = names.map((_, index) => `?${index + 1}`);
  const limit = `?${names.length + 1}`;
  const bytes = `?${names.indexOf("bytes") + 1}`;
  const { meta } = await db
    .prepare(
      `INSERT INTO uploads (${names.join(", ")}) SELECT ${marks.join(", ")} ` +
        `WHERE ${limit} IS NULL OR ${STORED_BYTES} + ${bytes} <= ${limit}`,
    )
    .bind(...Object.values(columns), maxStoredBytes ?? null)
    .run();
  return meta.changes > 0;
}

/** The exact bytes, once they are known. @returns whether they fit beside what the tenant has */
export async function resizeUpload(
  db: D1Database,
  { id, tenant }: Pick<Upload, "id" | "tenant">,
  bytes: number,
  maxStoredBytes: number | undefined,
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `UPDATE uploads SET bytes = ?3 WHERE id = ?2 AND (?4 IS NULL OR ${STORED_BYTES} + ?3 <= ?4)`,
    )
    .bind(tenant, id, bytes, maxStoredBytes ?? null)
    .run();
  return meta.changes > 0;
}

export async function setMultipartId(
  db: D1Database,
  id: string,
  multipartId: string,
): Promise<void> {
  await db.prepare("UPDATE uploads SET multipart_id = ? WHERE id = ?").bind(multipartId, id).run();
}

/** A client's upload; what the edge itself stores is none. */
export async function findUpload(
  db: D1Database,
  tenant: string,
  id: string,
): Promise<Upload | undefined> {
  const row = await db
    .prepare("SELECT * FROM uploads WHERE tenant = ? AND id = ? AND kind = 'upload'")
    .bind(tenant, id)
    .first();
  return row === null ? undefined : Row.parse(row);
}

/** What was found when the bytes were there. */
export interface FileFacts {
  filename: string;
  purpose: string;
  /** By the first bytes. */
  type: string;
  bytes: number;
  sha256: string | null;
  etag: string;
  expiresAt: number | null;
}

/** Makes the upload's file, unless it is no longer pending: then nothing changes. */
export async function completeUpload(
  db: D1Database,
  uploadId: string,
  facts: FileFacts,
  now: number,
): Promise<void> {
  const { filename, purpose, type, bytes, sha256, etag, expiresAt } = facts;
  await db.batch([
    db
      .prepare(
        "INSERT INTO files (id, tenant, api_key_id, object_key, filename, purpose, type, bytes, sha256, etag, created_at, expires_at) " +
          "SELECT ?1, tenant, api_key_id, object_key, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 " +
          "FROM uploads WHERE id = ?2 AND status = 'pending'",
      )
      .bind(
        fileIdOf(uploadId),
        uploadId,
        filename,
        purpose,
        type,
        bytes,
        sha256,
        etag,
        now,
        expiresAt,
      ),
    db
      .prepare("UPDATE uploads SET status = 'completed' WHERE id = ? AND status = 'pending'")
      .bind(uploadId),
  ]);
}

/** @returns whether it was pending until now */
export async function cancelUpload(db: D1Database, id: string): Promise<boolean> {
  const { meta } = await db
    .prepare("UPDATE uploads SET status = 'cancelled' WHERE id = ? AND status = 'pending'")
    .bind(id)
    .run();
  return meta.changes > 0;
}

/** With what is told of its parts. */
export async function deleteUploadRow(db: D1Database, id: string): Promise<void> {
  await db.batch([
    db.prepare("DELETE FROM upload_parts WHERE upload_id = ?").bind(id),
    db.prepare("DELETE FROM uploads WHERE id = ?").bind(id),
  ]);
}

/** Some of the uploads whose time is over. */
export async function expiredUploads(
  db: D1Database,
  now: number,
  limit: number,
): Promise<Upload[]> {
  const { results } = await db
    .prepare("SELECT * FROM uploads WHERE expires_at <= ? ORDER BY expires_at LIMIT ?")
    .bind(now, limit)
    .all();
  return z.array(Row).parse(results);
}

/** Those of the keys whose object is a file's. */
export async function keysWithFile(
  db: D1Database,
  objectKeys: readonly string[],
): Promise<ReadonlySet<string>> {
  const { results } = await db
    .prepare("SELECT object_key FROM files WHERE object_key IN (SELECT value FROM json_each(?))")
    .bind(JSON.stringify(objectKeys))
    .all();
  return new Set(
    z
      .array(z.object({ object_key: z.string() }))
      .parse(results)
      .map((row) => row.object_key),
  );
}
