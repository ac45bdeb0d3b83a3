import { execFile } from "node:child_process";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const REPOSITORY = resolve(import.meta.dirname, "../..");
const VENV = join(REPOSITORY, ".state/conformance/venv");

/** A Python that has OpenAI's client, where there is one already: that of CONFORMANCE_PYTHON, or our own. */
export async function findPython(): Promise<string | undefined> {
  const python = process.env["CONFORMANCE_PYTHON"] ?? join(VENV, "bin/python");
  try {
    await run(python, ["-c", "import openai"]);
    return python;
  } catch {
    return undefined;
  }
}

/** Makes our own, from the package registry. @throws Error with what Python said */
export async function makePython(): Promise<void> {
  await run("python3", ["-m", "venv", VENV]);
  const requirements = join(import.meta.dirname, "requirements.txt");
  await run(join(VENV, "bin/python"), ["-m", "pip", "install", "--quiet", "-r", requirements]);
}
