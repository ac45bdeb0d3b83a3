import { isUsable } from "../keys/api-key.ts";
import type { AdminKey } from "./admin-key.ts";
import type { ManagedKey } from "./managed-keys-table.ts";

/** A row as the administrator sees it. */
export function showKey(key: ManagedKey, now: number): AdminKey {
  const { id, name, prefix, owner, labels, scopes, limits, media_hosts } = key;
  const previous = key.previous_expires_at;
  return {
    object: "api_key",
    id,
    name,
    redacted_value: prefix,
    status: statusOf(key, now),
    owner,
    labels,
    scopes,
    limits,
    media_hosts,
    created_at: toSeconds(key.created_at),
    expires_at: key.expires_at === null ? null : toSeconds(key.expires_at),
    revoked_at: key.revoked_at === null ? null : toSeconds(key.revoked_at),
    previous_expires_at: previous === null || previous <= now ? null : toSeconds(previous),
  };
}

function statusOf(key: ManagedKey, now: number): AdminKey["status"] {
  const ends = { expiresAt: key.expires_at, revokedAt: key.revoked_at };
  if (isUsable(ends, now)) {
    return "active";
  }
  return key.revoked_at === null ? "expired" : "revoked";
}

function toSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}
