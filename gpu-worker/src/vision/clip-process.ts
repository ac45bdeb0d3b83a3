import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { ApiError } from "@qwen3-vl/shared/errors";

import type { ClipPlan, ContainedClip } from "./clip-plan.ts";
import type { ClipMessage } from "./clip-worker.ts";
import { normalise } from "./patches.ts";
import type { ClipTask } from "./prepare-clip.ts";

export interface ClipLimits {
  /** Time of one clip, from its bytes to its last patch. */
  timeoutMs: number;
  /** Resident memory of the process. */
  maxMemoryBytes: number;
}

/** An hour of 1080p decodes in about this time on two cores. */
export const CLIP_LIMITS: ClipLimits = { timeoutMs: 180_000, maxMemoryBytes: 1.5 * 2 ** 30 };

export interface DecodedClip {
  plan: ClipPlan;
  /** What was planned, of a container. */
  clip: ContainedClip | undefined;
  /** [t · h · w, patch length] */
  patches: Float32Array<ArrayBuffer>;
}

const WATCH_MS = 250;

/** A process that decodes clips, one at a time; any fault of it costs the clip that it decodes. */
export class ClipProcess {
  readonly #child: ChildProcess;
  readonly #limits: ClipLimits;
  #isAlive = true;

  /** @param entry the file the process runs; tests put a faulty one here */
  constructor(limits: ClipLimits, entry = new URL("./clip-worker.ts", import.meta.url)) {
    this.#limits = limits;
    this.#child = fork(fileURLToPath(entry), [], {
      serialization: "advanced",
      execArgv: ["--max-old-space-size=512"],
      env: { PATH: process.env["PATH"] },
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    this.#child.on("error", () => this.kill());
    this.#child.on("exit", () => {
      this.#isAlive = false;
    });
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /**
   * @param onFrames told of so many more frames that are decoded
   * @throws ApiError for a bad clip, or the signal's reason; the process is gone unless the clip was merely bad
   */
  async decode(
    task: ClipTask,
    signal: AbortSignal,
    onFrames: (frames: number) => void = () => undefined,
  ): Promise<DecodedClip> {
    const done = Promise.withResolvers<DecodedClip>();
    const collector = new ClipCollector(done, task, onFrames);
    const fail = (error: unknown) => {
      this.kill();
      done.reject(error);
    };
    const onAbort = () => fail(signal.reason);
    const onExit = (_: number | null, cause: NodeJS.Signals | null) => fail(exitFailure(cause));
    const onMessage = (message: ClipMessage) => collector.take(message);
    const timer = setTimeout(
      () => fail(failure(`it took longer than ${this.#limits.timeoutMs / 1000} s`)),
      this.#limits.timeoutMs,
    );
    const watch = setInterval(() => {
      void this.#checkMemory(fail);
    }, WATCH_MS);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#child.on("message", onMessage).once("exit", onExit);
    this.#child.send(task);
    try {
      return await done.promise;
    } finally {
      clearTimeout(timer);
      clearInterval(watch);
      signal.removeEventListener("abort", onAbort);
      this.#child.off("message", onMessage).off("exit", onExit);
    }
  }

  kill(): void {
    this.#isAlive = false;
    this.#child.kill("SIGKILL");
  }

  /** Where the system does not tell a process's memory, the heap's own limit remains. */
  async #checkMemory(fail: (error: unknown) => void): Promise<void> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, "utf8").catch(() => "");
    const bytes = Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
    if (bytes > this.#limits.maxMemoryBytes) {
      fail(failure("it needs too much memory"));
    }
  }
}

/** Puts the patches of a clip together, normalised, as its frame pairs arrive. */
class ClipCollector {
  readonly #done: PromiseWithResolvers<DecodedClip>;
  readonly #task: ClipTask;
  readonly #onFrames: (frames: number) => void;
  #framesTold = 0;
  #plan: ClipPlan | undefined;
  #clip: ContainedClip | undefined;
  #patches: Float32Array<ArrayBuffer> | undefined;
  #filled = 0;

  constructor(
    done: PromiseWithResolvers<DecodedClip>,
    task: ClipTask,
    onFrames: (frames: number) => void,
  ) {
    this.#done = done;
    this.#task = task;
    this.#onFrames = onFrames;
  }

  take(message: ClipMessage): void {
    switch (message.type) {
      case "plan":
        this.#plan = message.plan;
        this.#clip = message.clip;
        break;
      case "pair":
        this.#append(message.patches);
        break;
      case "end":
        this.#finish();
        break;
      case "failure": {
        const { code, message: text, param } = message;
        this.#done.reject(new ApiError(code, text, param === undefined ? {} : { param }));
      }
    }
  }

  #append(pair: Uint8Array): void {
    const pairs = this.#plan?.grid.t ?? 0;
    this.#patches ??= new Float32Array(pairs * pair.length);
    if (this.#filled + pair.length > this.#patches.length) {
      this.#done.reject(new Error("the decoding process sent more pairs than it planned"));
      return;
    }
    const end = this.#filled + pair.length;
    normalise(pair, this.#task.settings, this.#patches.subarray(this.#filled, end));
    this.#filled = end;
    this.#tellFrames();
  }

  /** The last pair of an odd number of frames has one. */
  #tellFrames(): void {
    const { temporalPatchSize } = this.#task.settings;
    const left = (this.#plan?.indices.length ?? 0) - this.#framesTold;
    const frames = Math.min(temporalPatchSize, left);
    this.#framesTold += frames;
    this.#onFrames(frames);
  }

  #finish(): void {
    const patches = this.#task.planOnly ? new Float32Array() : this.#patches;
    if (this.#plan === undefined || patches?.length !== this.#filled) {
      this.#done.reject(failure("some of its frames are missing"));
      return;
    }
    this.#done.resolve({ plan: this.#plan, clip: this.#clip, patches });
  }
}

/** Only the system's own lack of memory or an operator kills with SIGKILL: that is not the clip's fault. */
function exitFailure(cause: NodeJS.Signals | null): ApiError {
  return cause === "SIGKILL"
    ? new ApiError("overloaded", "the decoding of the clip was stopped from outside, try again", {
        retryAfterSeconds: 1,
      })
    : failure("it broke off");
}

function failure(reason: string): ApiError {
  return new ApiError("invalid_media", `the clip cannot be decoded: ${reason}`);
}
