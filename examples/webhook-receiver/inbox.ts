/**
 * Events that have arrived, each once, in a file: what was answered with 2xx is not sent again, so it
 * must not be lost here either.
 */
import { DatabaseSync } from "node:sqlite";

export interface InboxEvent {
  id: string;
  /** JSON. */
  body: string;
}

/** Longer than anything is sent again; a repeat that comes later is refused by its age. */
const KEPT_SECONDS = 30 * 86_400;

export class Inbox {
  readonly #db: DatabaseSync;

  /** @param path a file, or `:memory:` */
  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec("PRAGMA journal_mode = WAL");
    this.#db.exec(
      "CREATE TABLE IF NOT EXISTS inbox (id TEXT PRIMARY KEY, body TEXT NOT NULL, " +
        "arrived_at INTEGER NOT NULL DEFAULT (unixepoch()), is_done INTEGER NOT NULL DEFAULT 0) STRICT; " +
        "CREATE INDEX IF NOT EXISTS inbox_by_age ON inbox (is_done, arrived_at)",
    );
  }

  /** @returns whether it is new */
  add(id: string, body: string): boolean {
    this.#db
      .prepare("DELETE FROM inbox WHERE is_done = 1 AND arrived_at < unixepoch() - ?")
      .run(KEPT_SECONDS);
    const added = this.#db.prepare("INSERT OR IGNORE INTO inbox (id, body) VALUES (?, ?)");
    return added.run(id, body).changes > 0;
  }

  /** The oldest that is not done. */
  next(): InboxEvent | undefined {
    const row = this.#db
      .prepare("SELECT id, body FROM inbox WHERE is_done = 0 ORDER BY arrived_at, rowid LIMIT 1")
      .get();
    return row === undefined ? undefined : { id: String(row["id"]), body: String(row["body"]) };
  }

  done(id: string): void {
    this.#db.prepare("UPDATE inbox SET is_done = 1 WHERE id = ?").run(id);
  }

  close(): void {
    this.#db.close();
  }
}
