import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { readFile, readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

const MAIN = resolve(import.meta.dirname, "../../dev/src/main.ts");

/** How a start has ended. */
export interface Ended {
  /** Null when a signal ended it. */
  status: number | null;
  output: string;
  errors: string;
  /** Commands of the processes that it left behind; they have been killed. */
  orphans: string[];
}

/** `npm start` in a process group of its own, so that all its processes can be found. */
export class Starter {
  readonly pid: number;
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #output = "";
  #errors = "";

  constructor(env: Record<string, string>, ...parameters: readonly string[]) {
    this.#child = spawn(process.execPath, [MAIN, ...parameters], {
      env: { ...process.env, PORT: "0", ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    if (this.#child.pid === undefined) {
      throw new Error("the starter could not be started");
    }
    this.pid = this.#child.pid;
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#output += text));
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#errors += text));
    this.ended = this.#end();
  }

  /** The URL it is ready at. */
  async ready(): Promise<string> {
    for (;;) {
      const url = /^Ready (http:\S+)$/m.exec(this.#output)?.[1];
      if (url !== undefined) {
        return url;
      }
      if (this.#child.exitCode !== null) {
        throw new Error(`the system ended before it was ready: ${this.#errors}`);
      }
      await Promise.race([once(this.#child.stdout, "data"), this.ended]);
    }
  }

  signal(signal: "SIGINT" | "SIGTERM" | "SIGKILL"): void {
    this.#child.kill(signal);
  }

  async #end(): Promise<Ended> {
    const closed = once(this.#child, "close");
    await once(this.#child, "exit");
    const orphans = await orphansOf(this.pid);
    for (const { pid } of orphans) {
      process.kill(pid, "SIGKILL"); // they would hold the pipes open
    }
    await closed;
    return {
      status: this.#child.exitCode,
      output: this.#output,
      errors: this.#errors,
      orphans: orphans.map(({ command }) => command),
    };
  }
}

/** What a process gets to notice that its parent has ended, as esbuild's does by the end of its input. */
const FAREWELL_MS = 5000;

async function orphansOf(group: number): Promise<GroupProcess[]> {
  const deadline = Date.now() + FAREWELL_MS;
  for (;;) {
    const left = await processesOf(group);
    if (left.length === 0 || Date.now() > deadline) {
      return left;
    }
    await sleep(20);
  }
}

export interface GroupProcess {
  pid: number;
  command: string;
}

/** The living processes of a group; one that has ended but was not waited for is dead. */
export async function processesOf(group: number): Promise<GroupProcess[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const processes = await Promise.all(
    ids.map(async (id): Promise<GroupProcess[]> => {
      const read = (name: string) => readFile(join("/proc", id, name), "utf8").catch(() => "");
      const stat = await read("stat");
      // `pid (name) state parent group …`; a name may hold anything, brackets included.
      const [state, , itsGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(itsGroup) === group && state !== "Z" && state !== "X"
        ? [{ pid: Number(id), command: (await read("cmdline")).replaceAll("\0", " ") }]
        : [];
    }),
  );
  return processes.flat();
}
