import { createHash } from "node:crypto";

import type { KeyLimits } from "../../../edge/src/keys/key-settings.ts";
import type { Random } from "../../../gpu-worker/src/engine/random.ts";
import { openDatabase } from "../usage-records.ts";

/** An API key of the load. */
export interface BookedKey {
  id: string;
  secret: string;
  limits: KeyLimits;
}

/** Keys with random limits, of which some have none, put into the database while no edge runs. */
export function createKeys(stateFolder: string, count: number, random: Random): BookedKey[] {
  using database = openDatabase(stateFolder, { readOnly: false });
  const insert = database.prepare(
    "INSERT INTO api_keys (id, hash, name, created_at, limits) VALUES (?, ?, ?, ?, ?)",
  );
  return Array.from({ length: count }, (_, index) => {
    const key = { id: `key_${index}`, secret: `sk-books-${index}`, limits: randomLimits(random) };
    const hash = createHash("sha256").update(key.secret).digest("hex");
    insert.run(key.id, hash, key.id, Date.now(), JSON.stringify(key.limits));
    return key;
  });
}

/** Each with a chance of its own, so that some keys have several limits and some none. */
function randomLimits(random: Random): KeyLimits {
  const sometimes = (chance: number, limit: (size: number) => KeyLimits) =>
    random() < chance ? limit(random()) : {};
  return {
    ...sometimes(0.3, (size) => ({ requests_per_minute: 20 + Math.floor(size * 100) })),
    ...sometimes(0.3, (size) => ({ tokens_per_minute: 2000 + Math.floor(size * 20_000) })),
    ...sometimes(0.2, (size) => ({ pixels_per_minute: 10_000 + Math.floor(size * 100_000) })),
    ...sometimes(0.4, (size) => ({ concurrent_requests: 1 + Math.floor(size * 4) })),
    ...sometimes(0.3, (size) => ({ tokens_per_month: 1000 + Math.floor(size * 10_000) })),
    ...sometimes(0.2, (size) => ({ cost_per_month: 0.001 + size / 100 })),
  };
}
