import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import * as z from "zod";

const UsageRecord = z.object({
  id: z.string(),
  request_id: z.string(),
  api_key_id: z.string(),
  outcome: z.enum(["completed", "cut_off", "failed", "refused"]),
  prompt_tokens: z.int(),
  image_tokens: z.int(),
  completion_tokens: z.int(),
  reasoning_tokens: z.int(),
  cost_micros: z.int(),
});
export type UsageRecord = z.infer<typeof UsageRecord>;

/** What the edge has written into D1, read from the file in which the Workers runtime keeps it. */
export function usageRecords(stateFolder: string): UsageRecord[] {
  using database = openDatabase(stateFolder, { readOnly: true });
  const columns = Object.keys(UsageRecord.shape).join(", ");
  const rows = database.prepare(`SELECT ${columns} FROM usage_records`).all();
  return z.array(UsageRecord).parse(rows);
}

/** The file in which the Workers runtime keeps D1. */
export function openDatabase(
  stateFolder: string,
  { readOnly }: { readOnly: boolean },
): DatabaseSync {
  const folder = join(stateFolder, "edge/d1/miniflare-D1DatabaseObject");
  const name = readdirSync(folder).find((file) => /^[\da-f]{64}\.sqlite$/.test(file));
  if (name === undefined) {
    throw new Error(`expected a database in ${folder}`);
  }
  return new DatabaseSync(join(folder, name), { readOnly });
}
