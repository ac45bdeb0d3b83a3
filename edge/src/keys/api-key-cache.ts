import type { ApiKey } from "./api-key.ts";

/** A revocation is seen everywhere within this time. */
const KEPT_MS = 30_000;

/** Bounds the memory; a Worker instance that serves more keys asks the database more often. */
const MAX_KEYS = 1000;

/** Keys found in the database, for a short time. Keys not found are never kept. */
export class ApiKeyCache {
  /** In order of insertion, which is the order of expiry. */
  readonly #entries = new Map<string, { apiKey: ApiKey; keptUntil: number }>();

  get(hash: string, now: number): ApiKey | undefined {
    const entry = this.#entries.get(hash);
    if (entry !== undefined && entry.keptUntil <= now) {
      this.#entries.delete(hash);
      return undefined;
    }
    return entry?.apiKey;
  }

  /** Does nothing for a key that is already kept: use must not prolong its time. */
  add(apiKey: ApiKey, now: number): void {
    if (this.#entries.has(apiKey.hash)) {
      return;
    }
    const oldest = this.#entries.keys().next();
    if (this.#entries.size >= MAX_KEYS && oldest.done !== true) {
      this.#entries.delete(oldest.value);
    }
    this.#entries.set(apiKey.hash, { apiKey, keptUntil: now + KEPT_MS });
  }
}
