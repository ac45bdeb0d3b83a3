import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

const SQLITE_BUSY = 5;
const POLL_MS = 250;

/**
 * Runs an action while no other process holds the same lock. Node offers none of the kernel's file
 * locks, but SQLite's exclusive transaction is one: it ends with its process, however that ends, so
 * no lock is ever left behind and none has to be guessed stale.
 *
 * @param path of the lock's file, which stays, empty
 * @param onWait called once when another holds it
 */
export async function withExclusiveLock<T>(
  path: string,
  onWait: () => void,
  action: () => Promise<T>,
): Promise<T> {
  const database = new DatabaseSync(path);
  try {
    if (!tryBegin(database)) {
      onWait();
      do {
        await sleep(POLL_MS);
      } while (!tryBegin(database));
    }
    return await action();
  } finally {
    database.close();
  }
}

function tryBegin(database: DatabaseSync): boolean {
  try {
    database.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) {
      return false;
    }
    throw error;
  }
}
