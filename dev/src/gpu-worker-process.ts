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

/** Where a GPU worker listens, and what clients call its model. */
interface ReadyWorker {
  url: string;
  model: string;
}

/** A GPU worker that runs beside this process and ends with it. */
export class GpuWorkerProcess {
  /** Rejects with a `WorkerExitError` when it ends before. */
  readonly ready: Promise<ReadyWorker>;
  /** Resolves when the process has ended, for whatever reason. */
  readonly exited: Promise<unknown>;
  readonly #child: ChildProcess;

  /** @param mediaOrigin where it may fetch what clients have stored; nowhere without it */
  constructor(settings: Settings, secret: string, mediaOrigin = "") {
    this.#child = spawn(process.execPath, [join(REPOSITORY, "gpu-worker/src/main.ts")], {
      env: {
        ...process.env,
        HOST: "127.0.0.1",
        PORT: "0",
        MODEL: settings.MODEL,
        PRECISION: settings.PRECISION,
        THREADS: String(settings.THREADS),
        MAX_STALL_MS: String(settings.MAX_STALL_MS),
        ...(settings.MEMORY === undefined ? {} : { MEMORY: settings.MEMORY }),
        CACHE_DIR: settings.STATE_DIR,
        WORKER_SECRET: secret,
        MEDIA_ORIGIN: mediaOrigin,
        DRAIN_SECONDS: "0",
        ALLOW_HTTP_LOOPBACK: "true",
        LOG: settings.LOG,
      },
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.exited = once(this.#child, "exit");
    this.ready = this.#listening();
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    await this.exited;
    clearTimeout(timer);
  }

  async #listening(): Promise<ReadyWorker> {
    const message: unknown = await Promise.race([
      once(this.#child, "message").then(([first]: unknown[]) => first),
      this.exited.then(() => undefined),
    ]);
    if (message === undefined) {
      throw new WorkerExitError("the GPU worker ended before it was ready");
    }
    const { port, model } = Listening.parse(message);
    return { url: `http://127.0.0.1:${port}`, model };
  }
}
