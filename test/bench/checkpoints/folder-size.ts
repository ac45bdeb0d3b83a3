import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

/** Of all files below a folder. */
export async function folderMegabytes(folder: string): Promise<number> {
  const names = await readdir(folder, { recursive: true });
  const found = await Promise.all(names.map((name) => stat(join(folder, name))));
  return found.reduce((sum, status) => sum + (status.isFile() ? status.size : 0), 0) / 1e6;
}
