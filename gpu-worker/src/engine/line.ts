import { insertByTurn } from "./turn.ts";

interface Waiting {
  turn: number;
  begin: () => void;
}

/** Lets so many in at a time; the others wait, by their turn. */
export class Line {
  readonly #places: number;
  readonly #line: Waiting[] = [];
  #inside = 0;

  constructor(places: number) {
    this.#places = places;
  }

  get waiting(): number {
    return this.#line.length;
  }

  get inside(): number {
    return this.#inside;
  }

  /** Of who is let in next; undefined when nobody waits. */
  get nextTurn(): number | undefined {
    return this.#line[0]?.turn;
  }

  /** Resolves when it is one's turn, with a place until it is disposed of; rejects with the signal's reason. */
  async enter(turn: number, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    if (this.#inside < this.#places) {
      this.#inside++;
    } else {
      await this.#wait(turn, signal); // and takes the place of one that ended
    }
    let isInside = true;
    return {
      [Symbol.dispose]: () => {
        if (isInside) {
          isInside = false;
          this.#leave();
        }
      },
    };
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
      this.#inside--;
    } else {
      next.begin();
    }
  }
}
