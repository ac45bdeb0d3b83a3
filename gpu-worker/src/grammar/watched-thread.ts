import { Worker } from "node:worker_threads";

import { GrammarReply } from "./grammar-protocol.ts";
import type { GrammarCall } from "./grammar-protocol.ts";

/** The call at fault: it failed, took too long, or ended the thread. */
export class CallFailed extends Error {
  readonly isTooSlow: boolean;

  constructor(message: string, isTooSlow = false) {
    super(message);
    this.isTooSlow = isTooSlow;
  }
}

/** Another call ended the thread; the same call may be made again. */
export class ThreadReplaced extends Error {}

interface PendingCall {
  limitMs: number;
  resolve: () => void;
  reject: (reason: Error) => void;
}

export interface WatchedThreadOptions {
  entry: URL;
  workerData: unknown;
  /** Time that a new thread may take until it answers its first call. */
  openLimitMs: number;
}

/**
 * A thread that answers calls in order, each within its time. A call that fails costs the thread,
 * because nothing is known of its memory afterwards, and is the only one that fails.
 */
export class WatchedThread {
  readonly #options: WatchedThreadOptions;
  #worker: Worker | undefined;
  #isOpen = false;
  #pending: PendingCall[] = [];
  #watch: NodeJS.Timeout | undefined;
  #generation = 0;
  #isClosed = false;

  constructor(options: WatchedThreadOptions) {
    this.#options = options;
    this.#start();
  }

  /** Changes when the thread is replaced and everything in it is lost. */
  get generation(): number {
    return this.#generation;
  }

  /** @throws CallFailed or ThreadReplaced */
  call(call: GrammarCall, limitMs: number): Promise<void> {
    if (this.#isClosed) {
      return Promise.reject(new CallFailed("the thread is closed"));
    }
    return this.#send(this.#worker ?? this.#start(), call, limitMs);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#watch);
    for (const { reject } of this.#pending.splice(0)) {
      reject(new CallFailed("the thread is closed"));
    }
    await this.#worker?.terminate();
  }

  #send(worker: Worker, call: GrammarCall, limitMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#pending.push({ limitMs, resolve, reject });
    worker.postMessage(call, []);
    if (this.#pending.length === 1) {
      this.#watchFirst();
    }
    return promise;
  }

  /** A thread that never opened is not started again before the next call: it would fail for ever. */
  #start(): Worker {
    const { entry, workerData, openLimitMs } = this.#options;
    const worker = new Worker(entry, { workerData });
    worker.on("message", (message) => {
      if (worker === this.#worker) {
        this.#settleFirst(worker, GrammarReply.parse(message));
      }
    });
    worker.on("error", (error) => this.#failFirst(worker, new CallFailed(String(error))));
    worker.on("exit", () => this.#failFirst(worker, new CallFailed("the thread ended")));
    worker.unref();
    this.#worker = worker;
    this.#isOpen = false;
    this.#send(worker, { type: "open" }, openLimitMs).then(
      () => (this.#isOpen = true),
      () => undefined, // whoever called meanwhile hears of it
    );
    return worker;
  }

  #settleFirst(worker: Worker, { failure }: GrammarReply): void {
    if (failure !== undefined) {
      this.#failFirst(worker, new CallFailed(failure));
      return;
    }
    this.#pending.shift()?.resolve();
    this.#watchFirst();
  }

  #watchFirst(): void {
    clearTimeout(this.#watch);
    const [first] = this.#pending;
    const worker = this.#worker;
    this.#watch =
      first &&
      worker &&
      setTimeout(
        () => this.#failFirst(worker, new CallFailed(`took over ${first.limitMs} ms`, true)),
        first.limitMs,
      );
  }

  #failFirst(worker: Worker, error: CallFailed): void {
    if (worker !== this.#worker || this.#isClosed) {
      return;
    }
    clearTimeout(this.#watch);
    const [first, ...others] = this.#pending.splice(0);
    this.#generation++;
    void worker.terminate();
    this.#worker = undefined;
    if (this.#isOpen) {
      this.#start(); // at once, so that the next call finds it ready
    }
    first?.reject(error);
    for (const { reject } of others) {
      reject(this.#worker === undefined ? error : new ThreadReplaced("the thread was replaced"));
    }
  }
}
