/** Aborts a transfer when a stage of it, or all of it, takes too long, or when `outer` aborts. */
export class TransferDeadlines implements Disposable {
  /** What should have come in time, in a few words, where it did not. */
  missed: string | undefined;
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  readonly #total: NodeJS.Timeout;
  #stage: NodeJS.Timeout | undefined;

  constructor(totalMs: number, outer: AbortSignal) {
    this.signal = AbortSignal.any([outer, this.#controller.signal]);
    this.#total = this.#start("everything", totalMs);
  }

  /** Ends the stage before, if any, and begins the next. */
  expect(what: string, milliseconds: number): void {
    clearTimeout(this.#stage);
    this.#stage = this.#start(what, milliseconds);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#stage);
    clearTimeout(this.#total);
  }

  #start(what: string, milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.missed ??= `${what} within ${milliseconds / 1000} s`;
      this.#controller.abort();
    }, milliseconds);
  }
}
