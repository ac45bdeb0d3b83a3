/** An API key as the edge knows it: by the SHA-256 of the key, never by the key itself. */
export interface ApiKey {
  id: string;
  /** SHA-256 of the key, lower-case hex. */
  hash: string;
  /** Milliseconds since 1970. */
  expiresAt: number | null;
  revokedAt: number | null;
}

/** Asked at every request, so that an end falls due also while the key is cached. */
export function isUsable({ expiresAt, revokedAt }: ApiKey, now: number): boolean {
  return (expiresAt === null || now < expiresAt) && (revokedAt === null || now < revokedAt);
}
