import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import type { Miniflare } from "miniflare";

type Database = Awaited<ReturnType<Miniflare["getD1Database"]>>;

/** The table in which `wrangler d1 migrations apply` keeps its books. */
const CREATE_BOOKS =
  "CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)";

/** Applies what `wrangler d1 migrations apply` would, with the same books, in 10 ms instead of 1.8 s. */
export async function applyMigrations(database: Database, folder: string): Promise<void> {
  await database.prepare(CREATE_BOOKS).run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all();
  const applied = new Set(results.map(({ name }) => name));
  for (const name of (await readdir(folder)).toSorted()) {
    if (!name.endsWith(".sql") || applied.has(name)) {
      continue;
    }
    const sql = await readFile(join(folder, name), "utf8");
    await database.batch([
      ...statementsOf(sql).map((statement) => database.prepare(statement)),
      database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name),
    ]);
  }
}

/** Our migrations have no semicolon and no dashes inside strings. */
function statementsOf(sql: string): string[] {
  return sql
    .replaceAll(/--.*$/gm, "")
    .split(";")
    .filter((statement) => statement.trim() !== "");
}
