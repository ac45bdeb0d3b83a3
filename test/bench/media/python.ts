import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import * as z from "zod";

const run = promisify(execFile);

const Answer = z.object({ seconds: z.number(), grid: z.tuple([z.int(), z.int(), z.int()]) });
export type Answer = z.infer<typeof Answer>;

const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");
const SCRIPT = join(import.meta.dirname, "reference.py");
const CHECKPOINT = join(import.meta.dirname, "../../golden/data/checkpoints/dense");

/** A Python process that prepares media as the references do, one at a time. */
export interface Reference extends AsyncDisposable {
  prepare: (task: string, path: string) => Promise<Answer>;
}

/**
 * A Python with the packages: that of the variable BENCH_PYTHON, or one in `folder`, which gets them
 * from the package registry the first time.
 *
 * @throws Error that says why there is none
 */
export async function findPython(folder: string): Promise<string> {
  const given = process.env["BENCH_PYTHON"];
  if (given !== undefined) {
    return given;
  }
  const venv = join(folder, "venv");
  const python = join(venv, "bin/python");
  try {
    await run(python, ["-c", "import av, torch, transformers, qwen_vl_utils"]);
  } catch {
    console.log("Python's packages are installed, once; torch alone may be gigabytes.");
    await run("python3", ["-m", "venv", venv]);
    await run(python, ["-m", "pip", "install", "--quiet", "-r", REQUIREMENTS]);
  }
  return python;
}

/** @throws Error when it ends before it is ready */
export async function startReference(python: string, threads: number): Promise<Reference> {
  const child = spawn(python, [SCRIPT, CHECKPOINT, String(threads)], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const failed = once(child, "error").then(([error]: unknown[]) => {
    throw error;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await Promise.race([lines.next(), failed]);
    if (done === true) {
      throw new Error(
        "Python ended: are torch, torchcodec, av, transformers, qwen-vl-utils there?",
      );
    }
    return JSON.parse(value);
  };
  await next(); // ready
  return {
    prepare: async (task, path) => {
      child.stdin.write(`${JSON.stringify({ task, path })}\n`);
      return Answer.parse(await next());
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await once(child, "exit");
    },
  };
}
