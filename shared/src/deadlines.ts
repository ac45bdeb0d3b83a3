export interface Deadline {
  /** What should have come by then. */
  what: string;
  ms: number;
}

/** Aborts its signal when one stage of a transfer, or all of it, takes too long, or when `outer` aborts. */
export class Deadlines {
  /** The deadline that was missed, if one was. */
  missed: Deadline | undefined;
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #startedAt = Date.now();
  #total: ReturnType<typeof setTimeout>;
  #stage: ReturnType<typeof setTimeout> | undefined;

  constructor(totalMs: number, outer: AbortSignal) {
    this.signal = AbortSignal.any([outer, this.#controller.signal]);
    this.#total = this.#start({ what: "everything", ms: totalMs });
  }

  /** Ends the stage before, if any, and begins the next. */
  expect(what: string, ms: number): void {
    clearTimeout(this.#stage);
    this.#stage = this.#start({ what, ms });
  }

  /** Ends the stage before without beginning another. */
  rest(): void {
    clearTimeout(this.#stage);
  }

  /** So long in all, counted from the start. */
  allow(totalMs: number): void {
    clearTimeout(this.#total);
    const left = this.#startedAt + totalMs - Date.now();
    this.#total = this.#start({ what: "everything", ms: totalMs }, left);
  }

  stop(): void {
    clearTimeout(this.#stage);
    clearTimeout(this.#total);
  }

  #start(deadline: Deadline, inMs = deadline.ms): ReturnType<typeof setTimeout> {
    return setTimeout(() => {
      this.missed ??= deadline;
      this.#controller.abort();
    }, inMs);
  }
}
