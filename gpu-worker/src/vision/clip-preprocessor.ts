import type { ClipOptions } from "@qwen3-vl/shared/content-part";
import { ApiError } from "@qwen3-vl/shared/errors";
import type { ProcessorOptions } from "@qwen3-vl/shared/processor-options";
import type { Priority } from "@qwen3-vl/shared/worker-protocol";

import { askedClipSettings } from "./asked-settings.ts";
import { outlineClip, outlineFrameList } from "./clip-outline.ts";
import type { ClipOutline } from "./clip-outline.ts";
import type { ClipPlan } from "./clip-plan.ts";
import { CLIP_LIMITS, ClipProcess } from "./clip-process.ts";
import type { ClipLimits, DecodedClip } from "./clip-process.ts";
import type { ClipInput, ClipTask } from "./prepare-clip.ts";
import { Turns } from "./turns.ts";
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

export interface ClipPreparation {
  /** What the request changes of the checkpoint's settings. */
  processor?: ProcessorOptions;
  /** Jobs leave a process to requests that somebody waits for, where there are several. */
  priority?: Priority;
  /** Told of so many more frames that are decoded. */
  onFrames?: ((frames: number) => void) | undefined;
}

/** Clips that wait for a process, each with up to 32 MiB; beyond, the caller is overloaded. */
const MAX_WAITING = 64;

/** Prepares clips in a few processes, started when they are needed and replaced when they end. */
export class ClipPreprocessor {
  readonly #options: ClipPreprocessorOptions;
  readonly #idle: ClipProcess[] = [];
  readonly #all = new Set<ClipProcess>();
  readonly #turns: Turns;
  readonly #closing = new AbortController();

  constructor(options: ClipPreprocessorOptions) {
    this.#options = options;
    this.#turns = new Turns(options.processes);
  }

  /**
   * Rejects with an `ApiError` for a bad clip, with the signal's reason when aborted.
   *
   * @param options of the part
   */
  prepare(
    input: ClipInput,
    options: ClipOptions,
    signal: AbortSignal,
    { processor = {}, ...preparation }: ClipPreparation = {},
  ): Promise<DecodedClip> {
    const settings = askedClipSettings(this.#options.settings, processor);
    return this.#run({ input, options, settings, planOnly: false }, signal, preparation);
  }

  /** The plan that `prepare` follows, from the clip's packets; no frame is decoded. */
  async plan(
    input: ClipInput,
    options: ClipOptions,
    signal: AbortSignal,
    { processor = {}, ...preparation }: ClipPreparation = {},
  ): Promise<ClipPlan> {
    const settings = askedClipSettings(this.#options.settings, processor);
    const task = { input, options, settings, planOnly: true };
    const { plan } = await this.#run(task, signal, preparation);
    return plan;
  }

  /** How it and each of its parts would be sampled, however many tokens it has; no frame is decoded. */
  async outline(
    input: ClipInput,
    options: ClipOptions,
    signal: AbortSignal,
    { processor = {}, ...preparation }: ClipPreparation = {},
  ): Promise<ClipOutline> {
    const settings = askedClipSettings(this.#options.settings, processor);
    const task = { input, options, settings, planOnly: true, maxTokens: Infinity };
    const { plan, clip } = await this.#run(task, signal, preparation);
    return clip === undefined ? outlineFrameList(plan) : outlineClip(clip, options, settings);
  }

  async #run(
    task: Omit<ClipTask, "maxTokens"> & Partial<ClipTask>,
    clientSignal: AbortSignal,
    { priority, onFrames }: Omit<ClipPreparation, "processor"> = {},
  ): Promise<DecodedClip> {
    if (this.#turns.waiting >= MAX_WAITING) {
      throw new ApiError("overloaded", "too many clips are waiting to be decoded", {
        retryAfterSeconds: 1,
      });
    }
    const signal = AbortSignal.any([clientSignal, this.#closing.signal]);
    using turns = new DisposableStack();
    turns.use(await this.#turns.take(signal, priority));
    signal.throwIfAborted();
    const { maxTokens } = this.#options;
    const worker = this.#take();
    try {
      return await worker.decode({ maxTokens, ...task }, signal, onFrames);
    } finally {
      this.#giveBack(worker);
    }
  }

  /** Ends the processes; clips still waiting or in work are rejected. */
  close(): void {
    this.#closing.abort(new Error("the preprocessor of clips was closed"));
    for (const worker of this.#all) {
      worker.kill();
    }
    this.#all.clear();
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
