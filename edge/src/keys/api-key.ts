import type { KeyLimits, KeyScopes, MediaHosts } from "./key-settings.ts";

/** An API key as the edge knows it: by the SHA-256 of the key, never by the key itself. */
export interface ApiKey {
  id: string;
  /** Whose it is: the owner, else the key alone. Files, caches and usage belong to a tenant. */
  tenant: string;
  /** SHA-256 of the key as it was presented, lower-case hex. */
  hash: string;
  scopes: KeyScopes;
  limits: KeyLimits;
  mediaHosts: MediaHosts;
  /** Milliseconds since 1970; of a key that was rotated, the end of the overlap. */
  expiresAt: number | null;
  revokedAt: number | null;
}

/** Asked at every request, so that an end falls due also while the key is cached. */
export function isUsable(
  { expiresAt, revokedAt }: Pick<ApiKey, "expiresAt" | "revokedAt">,
  now: number,
): boolean {
  return (expiresAt === null || now < expiresAt) && (revokedAt === null || now < revokedAt);
}
