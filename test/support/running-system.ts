import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const REPOSITORY = resolve(import.meta.dirname, "../..");

/** `npm start` in a process of its own, on a free port, with state of its own. */
export interface RunningSystem extends AsyncDisposable {
  url: string;
  apiKey: string;
  adminToken: string;
  /** Process id of the starter; the GPU worker and workerd are its children. */
  pid: number;
  /** Where graphs and the database are. */
  stateFolder: string;
  stop: () => Promise<void>;
}

export interface SystemOptions {
  /** Environment variables beside the defaults. */
  env?: Record<string, string>;
}

/** Starts the whole product as a newcomer does and waits for its `Ready` line. */
export async function startSystem({ env = {} }: SystemOptions = {}): Promise<RunningSystem> {
  const stateFolder = await mkdtemp(join(tmpdir(), "qwen3-vl-state-"));
  const apiKey = `sk-test-${randomBytes(12).toString("hex")}`;
  const adminToken = `admin-${randomBytes(24).toString("hex")}`;
  const own = { STATE_DIR: stateFolder, DEV_API_KEY: apiKey, ADMIN_TOKEN: adminToken };
  const child = spawn(process.execPath, [join(REPOSITORY, "dev/src/main.ts")], {
    env: { ...process.env, PORT: "0", ...own, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const stop = async () => {
    child.kill("SIGTERM");
    await exited;
    await rm(stateFolder, { recursive: true, force: true });
  };
  const url = await Promise.race([readyUrl(child), exited.then(() => undefined)]);
  if (url === undefined || child.pid === undefined) {
    await stop();
    throw new Error("the system ended before it was ready");
  }
  return {
    url,
    apiKey,
    adminToken,
    pid: child.pid,
    stateFolder,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function readyUrl({ stdout }: ChildProcess): Promise<string | undefined> {
  if (stdout === null) {
    return undefined;
  }
  for await (const line of createInterface({ input: stdout })) {
    const url = /^Ready (http:\S+)$/.exec(line)?.[1];
    if (url !== undefined) {
      stdout.resume(); // nothing more is read, and a full pipe would stop the process
      return url;
    }
  }
  return undefined;
}
