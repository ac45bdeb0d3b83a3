import { describe, expect, it } from "vitest";

import { ApiKeyCache } from "./api-key-cache.ts";
import { isUsable } from "./api-key.ts";

const apiKey = (hash: string) => ({
  id: `key_${hash}`,
  tenant: "t",
  hash,
  scopes: {},
  limits: {},
  mediaHosts: {},
  expiresAt: null,
  revokedAt: null,
});

describe("ApiKeyCache", () => {
  it("keeps a key for 30 s, however often it is used", () => {
    const cache = new ApiKeyCache();
    cache.add(apiKey("a"), 0);
    cache.add(apiKey("a"), 20_000);
    expect(cache.get("a", 29_999)).toEqual(apiKey("a"));
    expect(cache.get("a", 30_000)).toBeUndefined();
  });

  it("drops the oldest of more than 1000 keys", () => {
    const cache = new ApiKeyCache();
    for (let i = 0; i <= 1000; i++) {
      cache.add(apiKey(String(i)), 0);
    }
    expect(cache.get("0", 0)).toBeUndefined();
    expect(cache.get("1", 0)).toBeDefined();
    expect(cache.get("1000", 0)).toBeDefined();
  });
});

describe("isUsable", () => {
  it("ends with the expiry and with the revocation", () => {
    expect(isUsable(apiKey("a"), 100)).toBe(true);
    expect(isUsable({ ...apiKey("a"), expiresAt: 100 }, 99)).toBe(true);
    expect(isUsable({ ...apiKey("a"), expiresAt: 100 }, 100)).toBe(false);
    expect(isUsable({ ...apiKey("a"), revokedAt: 100 }, 100)).toBe(false);
  });
});
