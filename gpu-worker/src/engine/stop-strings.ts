/**
 * Cuts a text that comes in parts at the stop string that is first complete; of two that end
 * together, at the longer. However the text is parted, the answer is the same.
 */
export class StopStringFilter {
  /** Whether what ends an answer is shown: a stop string, or an end token's text. */
  readonly showsStop: boolean;
  readonly #stops: readonly StopProgress[];
  /** The end of what came so far, while it could be the beginning of a stop string. */
  #held = "";
  #stopped = false;

  constructor(stops: readonly string[], { showsStop = false } = {}) {
    this.showsStop = showsStop;
    this.#stops = stops.filter((stop) => stop !== "").map((stop) => new StopProgress(stop));
  }

  /** Whether a stop string was found; all text from it on is dropped. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Adds a part and returns what can no longer belong to a stop string.
   *
   * @param mayStop false where a stop string that ends within the part does not count
   */
  push(part: string, mayStop = true): string {
    if (this.#stopped) {
      return "";
    }
    if (this.#stops.length === 0) {
      return part;
    }
    const text = this.#held + part;
    const cut = this.#firstCut(text, mayStop);
    const shown = cut ?? text.length - this.#heldLength();
    this.#stopped = cut !== undefined;
    this.#held = this.#stopped ? "" : text.slice(shown);
    return text.slice(0, shown);
  }

  /** The end of the text: what was held back is no stop string after all. */
  flush(): string {
    const rest = this.#held;
    this.#held = "";
    return rest;
  }

  /** Reads what was not read before, up to the first stop string that counts. */
  #firstCut(text: string, mayStop: boolean): number | undefined {
    for (let place = this.#held.length; place < text.length; place++) {
      const code = text.charCodeAt(place);
      let longest = 0;
      for (const stop of this.#stops) {
        longest = Math.max(longest, stop.advance(code));
      }
      if (longest > 0 && mayStop) {
        return this.showsStop ? place + 1 : place + 1 - longest;
      }
    }
    return undefined;
  }

  #heldLength(): number {
    let longest = 0;
    for (const { length } of this.#stops) {
      longest = Math.max(longest, length);
    }
    return longest;
  }
}

/** How much of one stop string the text ends with (Knuth, Morris, Pratt): each character costs the same. */
class StopProgress {
  /** Characters of the stop string, fewer than all, that the text so far ends with. */
  length = 0;
  readonly #stop: string;
  /** For each length of a beginning, the length of the next shorter beginning that it ends with. */
  readonly #shorter: Uint16Array;

  constructor(stop: string) {
    this.#stop = stop;
    this.#shorter = new Uint16Array(stop.length + 1);
    let length = 0;
    for (let end = 1; end < stop.length; end++) {
      length = this.#extended(length, stop.charCodeAt(end));
      this.#shorter[end + 1] = length;
    }
  }

  /** Adds a character; tells the stop string's length where the text ends with all of it, else 0. */
  advance(code: number): number {
    this.length = this.#extended(this.length, code);
    if (this.length < this.#stop.length) {
      return 0;
    }
    this.length = this.#shorter[this.length] ?? 0;
    return this.#stop.length;
  }

  #extended(length: number, code: number): number {
    let fits = length;
    while (fits > 0 && this.#stop.charCodeAt(fits) !== code) {
      fits = this.#shorter[fits] ?? 0;
    }
    return this.#stop.charCodeAt(fits) === code ? fits + 1 : 0;
  }
}
