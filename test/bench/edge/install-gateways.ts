import { execFile } from "node:child_process";
import { access, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { BENCH_FOLDER } from "../checkpoints/bench-folder.ts";

const run = promisify(execFile);

const PORTKEY = "@portkey-ai/gateway@1.15.2";
/** With what its own range resolves to today, its streams end in a 500 (headers that cannot be changed). */
const PORTKEY_FOLDER = { private: true, overrides: { "@hono/node-server": "1.3.3" } };
const LITELLM = "litellm[proxy]==1.108.7";

/** Portkey's gateway from npm, in the bench folder. @returns the script that starts it */
export async function installPortkey(): Promise<string> {
  const folder = join(BENCH_FOLDER, "portkey");
  const script = join(folder, "node_modules/@portkey-ai/gateway/build/start-server.js");
  if (!(await exists(script))) {
    console.log(`${PORTKEY} is installed, once.`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "package.json"), JSON.stringify(PORTKEY_FOLDER));
    const quiet = ["--ignore-scripts", "--no-audit", "--no-fund"];
    await run("npm", ["install", ...quiet, PORTKEY], { cwd: folder });
  }
  return script;
}

/** LiteLLM from PyPI, in a Python of its own in the bench folder. */
export async function installLitellm(): Promise<{ command: string; folder: string }> {
  const folder = join(BENCH_FOLDER, "litellm");
  const command = join(folder, "bin/litellm");
  if (!(await exists(command))) {
    console.log(`${LITELLM} is installed, once.`);
    await run("python3", ["-m", "venv", folder]);
    const python = join(folder, "bin/python");
    await run(python, ["-m", "pip", "install", "--quiet", LITELLM]);
  }
  return { command, folder };
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}
