import type { Priority } from "@qwen3-vl/shared/worker-protocol";

interface Waiting {
  priority: Priority;
  begin: () => void;
}

/**
 * Lets a limited number in at once; the others wait in order of arrival. Jobs leave one of several
 * turns to requests that somebody waits for, and hold up none of them while they wait for each other.
 */
export class Turns {
  readonly #mostOfJobs: number;
  readonly #waiting = new Set<Waiting>();
  #free: number;
  #ofJobs = 0;

  constructor(limit: number) {
    this.#free = limit;
    this.#mostOfJobs = Math.max(1, limit - 1);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Resolves when it is one's turn, until it is disposed of, or rejects with the signal's reason. */
  async take(signal: AbortSignal, priority: Priority = "interactive"): Promise<Disposable> {
    signal.throwIfAborted();
    const turn = Promise.withResolvers<void>();
    const waiting = { priority, begin: () => turn.resolve() };
    const onAbort = () => {
      if (this.#waiting.delete(waiting)) {
        turn.reject(signal.reason); // else it has just been let in, and leaves as all do
      }
    };
    this.#waiting.add(waiting);
    this.#letIn();
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await turn.promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
    return { [Symbol.dispose]: () => this.#leave(priority) };
  }

  #leave(priority: Priority): void {
    this.#free++;
    this.#ofJobs -= priority === "batch" ? 1 : 0;
    this.#letIn();
  }

  #letIn(): void {
    for (const waiting of this.#waiting) {
      const isJob = waiting.priority === "batch";
      if (this.#free > 0 && !(isJob && this.#ofJobs === this.#mostOfJobs)) {
        this.#free--;
        this.#ofJobs += isJob ? 1 : 0;
        this.#waiting.delete(waiting);
        waiting.begin();
      }
    }
  }
}
