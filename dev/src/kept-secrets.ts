import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** The API key made up at the first start and kept in the state folder, so that it stays the same. */
export function keptApiKey(stateFolder: string): Promise<string> {
  return kept(join(stateFolder, "dev-api-key"), () => `sk-dev-${randomText(18)}`);
}

/** The administrator's token of the local API, kept likewise. */
export function keptAdminToken(stateFolder: string): Promise<string> {
  return kept(adminTokenFile(stateFolder), () => `admin-dev-${randomText(32)}`);
}

/** What seals the secrets of webhook endpoints; with another one, those in the local database would not open. */
export function keptSealingKey(stateFolder: string): Promise<string> {
  return kept(join(stateFolder, "webhook-sealing-key"), () => randomText(32));
}

export function adminTokenFile(stateFolder: string): string {
  return join(stateFolder, "admin-token");
}

async function kept(file: string, make: () => string): Promise<string> {
  const before = await readFile(file, "utf8").catch(() => "");
  if (before.trim() !== "") {
    return before.trim();
  }
  const made = make();
  await writeFile(file, `${made}\n`, { mode: 0o600 });
  return made;
}

function randomText(bytes: number): string {
  return randomBytes(bytes).toString("base64url");
}
