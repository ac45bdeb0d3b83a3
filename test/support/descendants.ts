import { readFile } from "node:fs/promises";

export interface Descendant {
  pid: number;
  command: string;
}

/** The processes that a process started, and those that they did, as Linux tells them in `/proc`. */
export async function descendantsOf(pid: number): Promise<Descendant[]> {
  const listed = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  const children = listed.trim().split(/\s+/).filter(Boolean).map(Number);
  const found = await Promise.all(
    children.map(async (child) => {
      const command = await readFile(`/proc/${child}/cmdline`, "utf8").catch(() => "");
      return [{ pid: child, command: command.replaceAll("\0", " ") }].concat(
        await descendantsOf(child),
      );
    }),
  );
  return found.flat();
}
