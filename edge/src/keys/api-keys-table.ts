import { equalInConstantTime } from "@qwen3-vl/shared/signature";
import * as z from "zod";

import type { ApiKey } from "./api-key.ts";
import { KeyLimits, KeyScopes, MediaHosts } from "./key-settings.ts";

const Row = z.object({
  id: z.string(),
  owner: z.string().nullable(),
  hash: z.string(),
  previous_hash: z.string().nullable(),
  previous_expires_at: z.int().nullable(),
  scopes: z.string(),
  limits: z.string(),
  media_hosts: z.string(),
  expires_at: z.int().nullable(),
  revoked_at: z.int().nullable(),
});
type Row = z.infer<typeof Row>;

const FIND = `SELECT ${Object.keys(Row.shape).join(", ")} FROM api_keys WHERE hash = ?1 OR previous_hash = ?1`;

/** The key with this SHA-256, or that had it before its last rotation. */
export async function findApiKey(db: D1Database, hash: string): Promise<ApiKey | undefined> {
  const row = Row.nullable().parse(await db.prepare(FIND).bind(hash).first());
  // The index has already compared, but not in constant time and perhaps by another collation.
  if (row === null) {
    return undefined;
  }
  if (equalInConstantTime(row.hash, hash)) {
    return toApiKey(row, hash, row.expires_at);
  }
  return equalInConstantTime(row.previous_hash ?? "", hash)
    ? toApiKey(row, hash, earlier(row.expires_at, row.previous_expires_at))
    : undefined;
}

function toApiKey(row: Row, hash: string, expiresAt: number | null): ApiKey {
  return {
    id: row.id,
    tenant: row.owner ?? row.id,
    hash,
    scopes: KeyScopes.parse(JSON.parse(row.scopes)),
    limits: KeyLimits.parse(JSON.parse(row.limits)),
    mediaHosts: MediaHosts.parse(JSON.parse(row.media_hosts)),
    expiresAt,
    revokedAt: row.revoked_at,
  };
}

/** Of two ends, of which null is none. */
function earlier(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other);
}

export interface NewApiKey {
  hash: string;
  prefix: string;
  name: string;
  createdAt: number;
  expiresAt?: number;
}

/** Stores a key under an id made from its hash; a key that exists already stays as it is. */
export async function insertApiKey(db: D1Database, key: NewApiKey): Promise<void> {
  await db
    .prepare(
      "INSERT INTO api_keys (id, hash, prefix, name, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(apiKeyId(key.hash), key.hash, key.prefix, key.name, key.createdAt, key.expiresAt ?? null)
    .run();
}

/** Public, unlike the key: 64 of the hash's 256 bits say nothing of what was hashed. */
export function apiKeyId(hash: string): string {
  return `key_${hash.slice(0, 16)}`;
}
