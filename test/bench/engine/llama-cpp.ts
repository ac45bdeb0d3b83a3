import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

import { BENCH_FOLDER } from "../checkpoints/bench-folder.ts";
import { exists } from "../checkpoints/make-checkpoint.ts";

const VERSION = "3.22.1";

/** Packages of npm that carry llama.cpp built for a processor. */
const BINARIES: Readonly<Record<string, string>> = {
  "linux-x64": "@node-llama-cpp/linux-x64",
  "linux-arm64": "@node-llama-cpp/linux-arm64",
  "darwin-arm64": "@node-llama-cpp/mac-arm64-metal",
  "darwin-x64": "@node-llama-cpp/mac-x64",
  "win32-x64": "@node-llama-cpp/win-x64",
};

/**
 * The module of llama.cpp to compare with, 85 MB: installed from npm into the benches' folder at its
 * first use, and no dependency of ours.
 */
export async function installLlamaCpp(): Promise<string> {
  const folder = join(BENCH_FOLDER, `node-llama-cpp-${VERSION}`);
  const entry = join(folder, "node_modules/node-llama-cpp/dist/index.js");
  if (!(await exists(entry))) {
    const binary = BINARIES[`${process.platform}-${process.arch}`];
    if (binary === undefined) {
      throw new Error(`npm has no llama.cpp for ${process.platform}-${process.arch}`);
    }
    console.log("installing llama.cpp from npm");
    await mkdir(folder, { recursive: true });
    const dependencies = { "node-llama-cpp": VERSION, [binary]: VERSION };
    await writeFile(join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
    const options = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"];
    await promisify(execFile)("npm", ["install", ...options], { cwd: folder });
  }
  return pathToFileURL(entry).href;
}
