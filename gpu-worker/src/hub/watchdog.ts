import { ConnectionError } from "./hub-error.ts";

/** Longer than any pause of a connection that works. */
export const MAX_SILENCE_MS = 60_000;

/** Aborts a transfer that falls silent: a connection can die without a word. */
export class Watchdog implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(silenceMs: number) {
    const error = new ConnectionError(`no answer for ${silenceMs / 1000} s`);
    this.#timer = setTimeout(() => this.#controller.abort(error), silenceMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something came: the silence begins anew. */
  feed(): void {
    this.#timer.refresh();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
