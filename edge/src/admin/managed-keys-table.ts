/** The administrator's side of the table `api_keys`; what a request is let in by is in `keys/`. */
import * as z from "zod";

import { apiKeyId } from "../keys/api-keys-table.ts";
import { KeyLabels, KeyLimits, KeyScopes, MediaHosts } from "../keys/key-settings.ts";

const json = <Schema extends z.ZodType>(schema: Schema) =>
  z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema);

const ManagedKey = z.object({
  id: z.string(),
  name: z.string(),
  prefix: z.string(),
  owner: z.string().nullable(),
  labels: json(KeyLabels),
  scopes: json(KeyScopes),
  limits: json(KeyLimits),
  media_hosts: json(MediaHosts),
  created_at: z.int(),
  expires_at: z.int().nullable(),
  revoked_at: z.int().nullable(),
  previous_expires_at: z.int().nullable(),
});
/** A row without its hashes; times are milliseconds since 1970. */
export type ManagedKey = z.infer<typeof ManagedKey>;

const COLUMNS = Object.keys(ManagedKey.shape).join(", ");
const found = (row: unknown) => ManagedKey.nullable().parse(row) ?? undefined;

/** What of a key may be chosen when it is made and changed later. */
export type KeyColumns = {
  [Column in "name" | "owner" | "labels" | "scopes" | "limits" | "media_hosts" | "expires_at"]?:
    | ManagedKey[Column]
    | undefined;
};

/** The stored form of a secret. */
export interface SecretColumns {
  hash: string;
  prefix: string;
}

/** @throws Error when the hash exists, which of 256 random bits never happens */
export async function createKey(
  db: D1Database,
  secret: SecretColumns,
  settings: KeyColumns & { name: string },
  now: number,
): Promise<ManagedKey> {
  const columns = { id: apiKeyId(secret.hash), ...secret, created_at: now, ...stored(settings) };
  const names = Object.keys(columns);
  const marks = names.map(() => "?").join(", ");
  const row = await db
    .prepare(`INSERT INTO api_keys (${names.join(", ")}) VALUES (${marks}) RETURNING ${COLUMNS}`)
    .bind(...Object.values(columns))
    .first();
  return ManagedKey.parse(row);
}

export async function findKey(db: D1Database, id: string): Promise<ManagedKey | undefined> {
  return found(await db.prepare(`SELECT ${COLUMNS} FROM api_keys WHERE id = ?`).bind(id).first());
}

export interface KeyFilter {
  owner?: string | undefined;
  labels: readonly { name: string; value: string }[];
  /** Only those that come behind it. */
  after?: ManagedKey | undefined;
  limit: number;
}

/** Newest first. */
export async function listKeys(db: D1Database, filter: KeyFilter): Promise<ManagedKey[]> {
  const { owner, labels, after, limit } = filter;
  const conditions = [
    ...(owner === undefined ? [] : [{ sql: "owner = ?", values: [owner] }]),
    ...(after === undefined
      ? []
      : [{ sql: "(created_at, id) < (?, ?)", values: [after.created_at, after.id] }]),
    ...labels.map(({ name, value }) => ({
      sql: "EXISTS (SELECT 1 FROM json_each(labels) WHERE key = ? AND value = ?)",
      values: [name, value],
    })),
  ];
  const where = ["1", ...conditions.map(({ sql }) => sql)].join(" AND ");
  const { results } = await db
    .prepare(
      `SELECT ${COLUMNS} FROM api_keys WHERE ${where} ORDER BY created_at DESC, id DESC LIMIT ?`,
    )
    .bind(...conditions.flatMap(({ values }) => values), limit)
    .all();
  return z.array(ManagedKey).parse(results);
}

/** Resolves to the key as it is then; columns that are not given stay. */
export async function changeKey(
  db: D1Database,
  id: string,
  settings: KeyColumns,
): Promise<ManagedKey | undefined> {
  const columns = Object.entries(stored(settings));
  if (columns.length === 0) {
    return findKey(db, id);
  }
  const changes = columns.map(([name]) => `${name} = ?`).join(", ");
  return found(
    await db
      .prepare(`UPDATE api_keys SET ${changes} WHERE id = ? RETURNING ${COLUMNS}`)
      .bind(...columns.map(([, value]) => value), id)
      .first(),
  );
}

/**
 * Gives a key a new secret, in one statement: of two rotations at once each sees the other's end. The
 * old secret is taken until `overlapUntil`, the one before it no longer.
 *
 * @returns undefined when there is no such key, or it has expired or been revoked
 */
export async function rotateKey(
  db: D1Database,
  id: string,
  { hash, prefix }: SecretColumns,
  { now, overlapUntil }: { now: number; overlapUntil: number },
): Promise<ManagedKey | undefined> {
  return found(
    await db
      .prepare(
        `UPDATE api_keys SET previous_hash = hash, previous_expires_at = ?, hash = ?, prefix = ?
        WHERE id = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)
        RETURNING ${COLUMNS}`,
      )
      .bind(overlapUntil, hash, prefix, id, now)
      .first(),
  );
}

/** For good; a second time changes nothing. */
export async function revokeKey(
  db: D1Database,
  id: string,
  now: number,
): Promise<ManagedKey | undefined> {
  return found(
    await db
      .prepare(
        `UPDATE api_keys SET revoked_at = COALESCE(revoked_at, ?) WHERE id = ? RETURNING ${COLUMNS}`,
      )
      .bind(now, id)
      .first(),
  );
}

/** Columns as SQLite takes them. */
function stored(settings: KeyColumns): Record<string, string | number | null> {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) =>
      value === undefined
        ? []
        : [[name, typeof value === "object" && value !== null ? JSON.stringify(value) : value]],
    ),
  );
}
