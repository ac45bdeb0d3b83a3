import { fileURLToPath } from "node:url";

import type { PixelOptions } from "@qwen3-vl/shared/content-part";
import { ApiError } from "@qwen3-vl/shared/errors";
import type { ProcessorOptions } from "@qwen3-vl/shared/processor-options";
import { Piscina } from "piscina";

import { fromOutcome } from "../threads/outcome.ts";
import type { Outcome } from "../threads/outcome.ts";
import { askedImageSettings } from "./asked-settings.ts";
import type { ImageTask } from "./image-worker.ts";
import { planImage } from "./prepare-image.ts";
import type { PlannedImage, PreparedImage } from "./prepare-image.ts";
import type { VisionSettings } from "./preprocessor-config.ts";

export interface ImagePreprocessorOptions {
  settings: VisionSettings;
  /** Worker threads: at most this many pictures are decoded at once. */
  threads: number;
  /** The file the threads run; tests put a faulty one here. */
  entry?: URL;
}

/** Pictures that wait for a thread, each with up to 20 MiB; beyond, the caller is overloaded. */
const MAX_WAITING = 512;

/** Heap of a thread. Pixels live outside it and are bounded by the header check. */
const MAX_HEAP_MEGABYTES = 256;

/** Prepares pictures in a pool of worker threads, so that decoding never stops generation. */
export class ImagePreprocessor {
  readonly #settings: VisionSettings;
  readonly #pool: Piscina<ImageTask, Outcome<PreparedImage>>;

  constructor({ settings, threads, entry }: ImagePreprocessorOptions) {
    this.#settings = settings;
    this.#pool = new Piscina({
      filename: fileURLToPath(entry ?? new URL("./image-worker.ts", import.meta.url)),
      name: "runImageTask",
      minThreads: 1,
      maxThreads: threads,
      maxQueue: MAX_WAITING,
      // An idle thread returns to its event loop, where sharp's native buffers are let go.
      atomics: "disabled",
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MEGABYTES },
    });
    // A task's failure rejects its promise; what is left, such as an answer to a pool that is closed,
    // concerns nobody, but unheard it would end the process.
    this.#pool.on("error", () => undefined);
  }

  /**
   * Rejects with an `ApiError` for a bad picture, with the signal's reason when aborted.
   *
   * @param options of the part
   * @param processor what the request changes of the checkpoint's settings
   */
  async prepare(
    bytes: Uint8Array,
    options: PixelOptions,
    signal: AbortSignal,
    processor: ProcessorOptions = {},
  ): Promise<PreparedImage> {
    signal.throwIfAborted();
    if (this.#pool.queueSize >= MAX_WAITING) {
      throw new ApiError("overloaded", "too many pictures are waiting to be decoded", {
        retryAfterSeconds: 1,
      });
    }
    const abandoned = new Int32Array(new SharedArrayBuffer(4));
    const settings = askedImageSettings(this.#settings, processor);
    const task = { bytes, options, settings, abandoned };
    const outcome = await orAborted(this.#pool.run(task), signal, () => {
      Atomics.store(abandoned, 0, 1);
    });
    return fromOutcome(outcome);
  }

  /** The grid that `prepare` gives, from the picture's header. */
  plan(
    bytes: Uint8Array,
    options: PixelOptions,
    processor: ProcessorOptions = {},
  ): Promise<PlannedImage> {
    return planImage(bytes, options, askedImageSettings(this.#settings, processor));
  }

  /** Ends the threads; pictures still waiting or in work are rejected. */
  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/**
 * Settles as `work` does, or rejects as soon as the signal aborts. Piscina's own way to abort ends
 * the thread, which loses the picture it was decoding: 10 MB for each, never returned.
 */
function orAborted<T>(work: Promise<T>, signal: AbortSignal, abandon: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      abandon();
      reject(signal.reason);
    };
    signal.addEventListener("abort", onAbort, { once: true });
    const settle = () => signal.removeEventListener("abort", onAbort);
    work.then(resolve, reject).finally(settle);
  });
}
