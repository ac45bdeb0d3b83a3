import { equalInConstantTime, sha256Hex } from "@qwen3-vl/shared/signature";
import * as z from "zod";

import type { ApiKey } from "./api-key.ts";

/** Keys are long and random, so one round of SHA-256 is enough; a password would need a slow hash. */
export function hashApiKey(key: string): Promise<string> {
  return sha256Hex(key);
}

const Row = z.object({
  id: z.string(),
  hash: z.string(),
  expires_at: z.int().nullable(),
  revoked_at: z.int().nullable(),
});

export async function findApiKey(db: D1Database, hash: string): Promise<ApiKey | undefined> {
  const row = Row.nullable().parse(
    await db
      .prepare("SELECT id, hash, expires_at, revoked_at FROM api_keys WHERE hash = ?")
      .bind(hash)
      .first(),
  );
  // The index has already compared, but not in constant time and perhaps by another collation.
  if (row === null || !equalInConstantTime(row.hash, hash)) {
    return undefined;
  }
  return { id: row.id, hash, expiresAt: row.expires_at, revokedAt: row.revoked_at };
}

export interface NewApiKey {
  hash: string;
  name: string;
  createdAt: number;
  expiresAt?: number;
}

/** Stores a key under an id made from its hash; a key that exists already stays as it is. */
export async function insertApiKey(db: D1Database, key: NewApiKey): Promise<void> {
  await db
    .prepare(
      "INSERT INTO api_keys (id, hash, name, created_at, expires_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(apiKeyId(key.hash), key.hash, key.name, key.createdAt, key.expiresAt ?? null)
    .run();
}

/** Public, unlike the key: 64 of the hash's 256 bits say nothing of what was hashed. */
function apiKeyId(hash: string): string {
  return `key_${hash.slice(0, 16)}`;
}
