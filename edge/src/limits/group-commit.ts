interface Planned {
  /** Milliseconds since 1970. */
  at: number;
  timer: ReturnType<typeof setTimeout> | null;
  done: PromiseWithResolvers<void>;
}

/**
 * Lets many changes share one write: each says how long it may wait, and all that have come until the
 * first must go are written at once.
 */
export class GroupCommit {
  readonly #write: () => Promise<void>;
  #planned: Planned | undefined;

  /** @param write takes up every change before it waits for anything */
  constructor(write: () => Promise<void>) {
    this.#write = write;
  }

  /** Resolves when what has changed until now is written, which begins within so many milliseconds. */
  within(ms: number): Promise<void> {
    const planned = (this.#planned ??= {
      at: Infinity,
      timer: null,
      done: Promise.withResolvers(),
    });
    const at = Date.now() + ms;
    if (at < planned.at) {
      clearTimeout(planned.timer);
      planned.at = at;
      planned.timer = setTimeout(() => void this.now().catch(() => undefined), ms); // who waits hears of it
    }
    return planned.done.promise;
  }

  /** Writes what has changed until now. */
  now(): Promise<void> {
    const planned = this.#planned;
    this.#planned = undefined;
    clearTimeout(planned?.timer ?? null);
    const written = this.#write();
    planned?.done.resolve(written);
    return written;
  }
}
