import { assertOk, create, loadOrtApi } from "./ort-api.ts";
import type { Handle } from "./ort-api.ts";
import { PreparedRun } from "./prepared-run.ts";
import type { Tensor } from "./tensor.ts";

export interface SessionOptions {
  /** Threads of one run. */
  threads: number;
  /**
   * Whether threads wait for their share of the next node by spinning, until the run ends. Waking them
   * for each node takes a tenth of a decoding step at 2B size.
   */
  spin: boolean;
}

export interface RunOptions {
  signal?: AbortSignal;
  /** Whether the memory of the run goes back to the system, which costs the next run its allocation. */
  givesBackMemory?: boolean;
}

/** An entry of OrtRunOptions: the CPU's arena lets go of regions in which nothing is left. */
const SHRINK_ARENA = ["memory.enable_memory_arena_shrinkage", "cpu:0"] as const;

/** A graph loaded into ONNX Runtime. Runs read and write tensors in memory of ours. */
export class Session {
  readonly #handle: Handle;

  constructor(path: string, { threads, spin }: SessionOptions) {
    const { functions, env } = loadOrtApi();
    const options = create(functions, functions.createSessionOptions);
    assertOk(functions, functions.setIntraOpNumThreads(options, threads));
    const setEntry = (key: string, value: string) =>
      assertOk(functions, functions.addSessionConfigEntry(options, key, value));
    setEntry("session.intra_op.allow_spinning", spin ? "1" : "0");
    setEntry("session.force_spinning_stop", "1"); // a worker that waits for requests keeps no core busy
    this.#handle = create(functions, functions.createSession, env, path, options);
    functions.releaseSessionOptions(options);
  }

  /**
   * Runs on a thread of koffi's; the event loop stays free. When the signal aborts, the run ends after the
   * operator it is at and rejects with the signal's reason.
   */
  async run(
    inputs: Record<string, Tensor>,
    outputs: Record<string, Tensor>,
    { signal, givesBackMemory = false }: RunOptions = {},
  ): Promise<void> {
    const prepared = new PreparedRun(inputs, outputs);
    if (signal === undefined && !givesBackMemory) {
      return this.runPrepared(prepared);
    }
    signal?.throwIfAborted();
    const { functions } = loadOrtApi();
    const options = create(functions, functions.createRunOptions);
    const terminate = () => assertOk(functions, functions.runOptionsSetTerminate(options));
    signal?.addEventListener("abort", terminate, { once: true });
    try {
      if (givesBackMemory) {
        assertOk(functions, functions.addRunConfigEntry(options, ...SHRINK_ARENA));
      }
      await this.runPrepared(prepared, options);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", terminate);
      functions.releaseRunOptions(options);
    }
  }

  /** `run` without the work of preparing; has begun when this returns. */
  runPrepared(prepared: PreparedRun, options: Handle | null = null): Promise<void> {
    const { functions } = loadOrtApi();
    return new Promise((resolve, reject) => {
      functions.run.async(
        ...this.#runArguments(prepared, options),
        (error: Error | null, status: unknown) => {
          try {
            if (error !== null) {
              throw error;
            }
            assertOk(functions, status);
            resolve();
          } catch (failure) {
            reject(failure instanceof Error ? failure : new Error(String(failure)));
          }
        },
      );
    });
  }

  /** On this thread, for runs that are shorter than the way to another: a lookup of a few rows. */
  runNow(prepared: PreparedRun): void {
    const { functions } = loadOrtApi();
    const status: unknown = functions.run(...this.#runArguments(prepared, null));
    assertOk(functions, status);
  }

  /** In the order of OrtApi's Run. */
  #runArguments({ inputs, outputs }: PreparedRun, options: Handle | null) {
    return [
      this.#handle,
      options,
      inputs.names,
      inputs.handles,
      inputs.count,
      outputs.names,
      outputs.count,
      outputs.handles,
    ] as const;
  }

  /** Must not be called while a run is under way. */
  close(): void {
    loadOrtApi().functions.releaseSession(this.#handle);
  }
}
