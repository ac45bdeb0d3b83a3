import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import * as z from "zod";

/** What the limiter of one key has written down. */
export interface Ledger {
  monthTokens: number;
  monthCostMicros: number;
  /** Requests that are not settled, and records that are not known to be stored. */
  open: number;
}

const Counters = z.object({ month: z.object({ tokens: z.int(), costMicros: z.int() }) });
const Row = z.object({ json: z.string().nullable(), open: z.int() });

/** Read from the files in which the Workers runtime keeps its Durable Objects, also while it runs. */
export function readLedgers(stateFolder: string): Ledger[] {
  const root = join(stateFolder, "edge/do");
  const folder = readdirSync(root).find((name) => name.endsWith("KeyLimiter"));
  if (folder === undefined) {
    throw new Error(`expected limiters in ${root}`);
  }
  return readdirSync(join(root, folder))
    .filter((name) => /^[\da-f]{64}\.sqlite$/.test(name))
    .map((name) => readLedger(join(root, folder, name)));
}

function readLedger(path: string): Ledger {
  using database = new DatabaseSync(path, { readOnly: !existsSync(`${path}-wal`) });
  const row = database
    .prepare(
      "SELECT (SELECT json FROM counters) AS json, (SELECT COUNT(*) FROM reservations) + (SELECT COUNT(*) FROM outbox) AS open",
    )
    .get();
  const { json, open } = Row.parse(row);
  const month = json === null ? undefined : Counters.parse(JSON.parse(json)).month;
  return { monthTokens: month?.tokens ?? 0, monthCostMicros: month?.costMicros ?? 0, open };
}
