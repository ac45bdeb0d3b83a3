import { insertByTurn } from "../engine/turn.ts";

interface Waiting {
  turn: number;
  begin: () => void;
}

/** Jobs that wait until they may run: so many do at a time, the others by their turn. */
export class JobLine {
  readonly #places: number;
  readonly #line: Waiting[] = [];
  #running = 0;

  constructor(places: number) {
    this.#places = places;
  }

  get waiting(): number {
    return this.#line.length;
  }

  get running(): number {
    return this.#running;
  }

  /** Resolves when it is one's turn, with a place until it is disposed of; rejects with the signal's reason. */
  async enter(turn: number, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#running < this.#places) {
      this.#running++;
    } else {
      await this.#wait(turn, signal); // and takes the place of one that ended
    }
    return { [Symbol.dispose]: () => this.#leave() };
  }

  async #wait(turn: number, signal: AbortSignal): Promise<void> {
    const begun = Promise.withResolvers<void>();
    const waiting = { turn, begin: () => begun.resolve() };
    const onAbort = () => {
      const index = this.#line.indexOf(waiting);
      if (index >= 0) {
        this.#line.splice(index, 1);
        begun.reject(signal.reason); // else it has just been let in, and leaves as all do
      }
    };
    insertByTurn(this.#line, waiting);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      await begun.promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #leave(): void {
    const next = this.#line.shift();
    if (next === undefined) {
      this.#running--;
    } else {
      next.begin();
    }
  }
}
