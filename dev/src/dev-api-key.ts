import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The key made up at the first start and kept in the state folder, so that it stays the same. */
export async function keptApiKey(stateFolder: string): Promise<string> {
  const file = join(stateFolder, "dev-api-key");
  const kept = await readFile(file, "utf8").catch(() => undefined);
  if (kept !== undefined && kept.trim() !== "") {
    return kept.trim();
  }
  const key = `sk-dev-${randomBytes(18).toString("base64url")}`;
  await writeFile(file, `${key}\n`, { mode: 0o600 });
  return key;
}
