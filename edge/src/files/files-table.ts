import * as z from "zod";

import type { StoredFile } from "./stored-file.ts";

const Row = z
  .object({
    id: z.string(),
    object_key: z.string(),
    filename: z.string(),
    purpose: z.string(),
    type: z.string(),
    bytes: z.int(),
    sha256: z.string().nullable(),
    etag: z.string(),
    created_at: z.int(),
    expires_at: z.int().nullable(),
  })
  .transform((row): StoredFile => {
    const { object_key: objectKey, created_at: createdAt, expires_at: expiresAt, ...rest } = row;
    return { ...rest, objectKey, createdAt, expiresAt };
  });

const COLUMNS =
  "id, object_key, filename, purpose, type, bytes, sha256, etag, created_at, expires_at";
/** A file ends at its expiry, whenever it is swept. */
const LIVE = "tenant = ?1 AND (expires_at IS NULL OR expires_at > ?2)";

/** Whose files are asked for, and when. */
export interface Viewer {
  tenant: string;
  now: number;
}

export async function findFile(
  db: D1Database,
  { tenant, now }: Viewer,
  id: string,
): Promise<StoredFile | undefined> {
  const row = await db
    .prepare(`SELECT ${COLUMNS} FROM files WHERE ${LIVE} AND id = ?3`)
    .bind(tenant, now, id)
    .first();
  return row === null ? undefined : Row.parse(row);
}

/** Those of the ids that are the tenant's. */
export async function findFiles(
  db: D1Database,
  { tenant, now }: Viewer,
  ids: readonly string[],
): Promise<StoredFile[]> {
  const { results } = await db
    .prepare(
      `SELECT ${COLUMNS} FROM files WHERE ${LIVE} AND id IN (SELECT value FROM json_each(?3))`,
    )
    .bind(tenant, now, JSON.stringify(ids))
    .all();
  return z.array(Row).parse(results);
}

export interface FileListing {
  limit: number;
  order: "asc" | "desc";
  /** The list begins behind it. */
  after: StoredFile | undefined;
  purpose: string | undefined;
}

/** In order of creation. */
export async function listFiles(
  db: D1Database,
  { tenant, now }: Viewer,
  { limit, order, after, purpose }: FileListing,
): Promise<StoredFile[]> {
  const sign = order === "asc" ? ">" : "<";
  const { results } = await db
    .prepare(
      `SELECT ${COLUMNS} FROM files WHERE ${LIVE} AND (?3 IS NULL OR purpose = ?3) ` +
        `AND (?4 IS NULL OR (created_at, id) ${sign} (?4, ?5)) ` +
        `ORDER BY created_at ${order}, id ${order} LIMIT ?6`,
    )
    .bind(tenant, now, purpose ?? null, after?.createdAt ?? null, after?.id ?? null, limit)
    .all();
  return z.array(Row).parse(results);
}

export async function deleteFileRow(db: D1Database, id: string): Promise<void> {
  await db.prepare("DELETE FROM files WHERE id = ?").bind(id).run();
}

/** Some of the files whose time is over. */
export async function expiredFiles(
  db: D1Database,
  now: number,
  limit: number,
): Promise<{ id: string; objectKey: string }[]> {
  const { results } = await db
    .prepare("SELECT id, object_key FROM files WHERE expires_at <= ? ORDER BY expires_at LIMIT ?")
    .bind(now, limit)
    .all();
  return z
    .array(z.object({ id: z.string(), object_key: z.string() }))
    .parse(results)
    .map(({ id, object_key: objectKey }) => ({ id, objectKey }));
}
