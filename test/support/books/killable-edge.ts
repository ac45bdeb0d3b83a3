import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import * as z from "zod";

import { FrontDoor } from "../../../dev/src/front-door.ts";
import { bundleEdge } from "../../../dev/src/local-edge.ts";
import { REPOSITORY } from "../../../dev/src/settings.ts";

const CONFIG_PATH = join(REPOSITORY, "wrangler.toml");
const MAIN = join(import.meta.dirname, "edge-child-process.ts");

const Listening = z.object({ port: z.int() });

export interface KillableEdgeOptions {
  folder: string;
  vars: Record<string, string>;
}

/** The edge in processes of its own, behind a port that stays: killed without warning, and started again on the same state. */
export class KillableEdge implements AsyncDisposable {
  readonly #door: FrontDoor;
  readonly #parameters: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(door: FrontDoor, parameters: readonly string[]) {
    this.#door = door;
    this.#parameters = parameters;
  }

  static async create({ folder, vars }: KillableEdgeOptions): Promise<KillableEdge> {
    const script = join(folder, "edge.js");
    await writeFile(script, await bundleEdge(CONFIG_PATH));
    const options = { configPath: CONFIG_PATH, stateFolder: join(folder, "edge"), vars };
    return new KillableEdge(await FrontDoor.open(0), [script, JSON.stringify(options)]);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#door.port}`;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [MAIN, ...this.#parameters], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
      detached: true, // a process group, so that the runtime is killed as well
    });
    this.#child = child;
    const message: unknown = await Promise.race([
      once(child, "message").then(([first]: unknown[]) => first),
      once(child, "exit").then(() => undefined),
    ]);
    this.#door.lead(Listening.parse(message).port);
  }

  /** As when the power fails: nothing is told to anyone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      return;
    }
    const exited = once(child, "exit");
    process.kill(-child.pid, "SIGKILL");
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#door.close();
  }
}
