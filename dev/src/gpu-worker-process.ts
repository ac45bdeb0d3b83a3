import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import * as z from "zod";

import { REPOSITORY } from "./settings.ts";
import type { Settings } from "./settings.ts";

const Listening = z.object({ port: z.int(), model: z.string() });

/** Time in which a stopping worker must end by itself; Ctrl-C must be done within 2 s. */
const STOP_MS = 1500;

/** The GPU worker ended before it listened; it has said why. */
export class WorkerExitError extends Error {
  override readonly name = "WorkerExitError";
}

/** A GPU worker that runs beside this process and ends with it. */
export class GpuWorkerProcess {
  readonly url: string;
  /** What clients call the model. */
  readonly model: string;
  /** Resolves when the process has ended, for whatever reason. */
  readonly exited: Promise<unknown>;
  readonly #child: ChildProcess;

  private constructor(
    child: ChildProcess,
    exited: Promise<unknown>,
    { port, model }: z.infer<typeof Listening>,
  ) {
    this.#child = child;
    this.exited = exited;
    this.url = `http://127.0.0.1:${port}`;
    this.model = model;
  }

  /**
   * @param signal ends a start that may last as long as a checkpoint is fetched
   * @throws WorkerExitError
   */
  static async start(
    settings: Settings,
    secret: string,
    signal: AbortSignal,
  ): Promise<GpuWorkerProcess> {
    const child = spawn(process.execPath, [join(REPOSITORY, "gpu-worker/src/main.ts")], {
      env: {
        ...process.env,
        HOST: "127.0.0.1",
        PORT: "0",
        MODEL: settings.MODEL,
        PRECISION: settings.PRECISION,
        THREADS: String(settings.THREADS),
        CACHE_DIR: join(settings.STATE_DIR, "graphs"),
        WORKER_SECRET: secret,
        DRAIN_SECONDS: "0",
        LOG: settings.LOG,
      },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    const exited = once(child, "exit");
    const kill = () => child.kill("SIGKILL");
    signal.addEventListener("abort", kill);
    const message: unknown = await Promise.race([
      once(child, "message").then(([first]: unknown[]) => first),
      exited.then(() => undefined),
    ]);
    signal.removeEventListener("abort", kill);
    if (message === undefined) {
      throw new WorkerExitError("the GPU worker ended before it was ready");
    }
    return new GpuWorkerProcess(child, exited, Listening.parse(message));
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    await this.exited;
    clearTimeout(timer);
  }
}
