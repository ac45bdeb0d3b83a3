import type { ClipOptions } from "@qwen3-vl/shared/content-part";

import { CLIP_LIMITS, ClipProcess } from "./clip-process.ts";
import type { ClipLimits, DecodedClip } from "./clip-process.ts";
import type { ClipInput } from "./prepare-clip.ts";
import type { ClipSettings } from "./video-processor-config.ts";

export interface ClipPreprocessorOptions {
  settings: ClipSettings;
  /** Clips that are decoded at once. */
  processes: number;
  /** Tokens beyond which a clip is refused. */
  maxTokens: number;
  limits?: ClipLimits;
  /** The file the processes run; tests put a faulty one here. */
  entry?: URL;
}

/** Prepares clips in a few processes, started when they are needed and replaced when they end. */
export class ClipPreprocessor {
  readonly #options: ClipPreprocessorOptions;
  readonly #idle: ClipProcess[] = [];
  readonly #all = new Set<ClipProcess>();
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  constructor(options: ClipPreprocessorOptions) {
    this.#options = options;
  }

  /** Rejects with an `ApiError` for a bad clip, with the signal's reason when aborted. */
  async prepare(input: ClipInput, options: ClipOptions, signal: AbortSignal): Promise<DecodedClip> {
    await this.#turn();
    try {
      signal.throwIfAborted();
      const { settings, maxTokens } = this.#options;
      const worker = this.#take();
      try {
        return await worker.decode({ input, options, settings, maxTokens }, signal);
      } finally {
        this.#giveBack(worker);
      }
    } finally {
      this.#busy--;
      this.#waiting.shift()?.();
    }
  }

  close(): void {
    for (const worker of this.#all) {
      worker.kill();
    }
    this.#all.clear();
  }

  async #turn(): Promise<void> {
    while (this.#busy >= this.#options.processes) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    this.#busy++;
  }

  #take(): ClipProcess {
    const { limits = CLIP_LIMITS, entry } = this.#options;
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.isAlive) {
        return idle;
      }
      this.#all.delete(idle);
    }
    const created = new ClipProcess(limits, entry);
    this.#all.add(created);
    return created;
  }

  #giveBack(worker: ClipProcess): void {
    if (worker.isAlive) {
      this.#idle.push(worker);
    } else {
      this.#all.delete(worker);
    }
  }
}
