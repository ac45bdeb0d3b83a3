export interface FilteredText {
  /** What may be shown now. */
  text: string;
  /** Whether a stop string was found; all text from it on is dropped. */
  stopped: boolean;
}

/**
 * Cuts a text that comes in parts before the stop string that is first complete; of two that end
 * together, before the longer. However the text is parted, the answer is the same.
 */
export class StopStringFilter {
  readonly #stops: readonly string[];
  /** The end of what came so far, while it could be the beginning of a stop string. */
  #held = "";
  #stopped = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops.filter((stop) => stop !== "");
  }

  /** Adds a part and returns what can no longer belong to a stop string. */
  push(part: string): FilteredText {
    if (this.#stopped) {
      return { text: "", stopped: true };
    }
    const text = this.#held + part;
    const cut = startOfFirstMatch(text, this.#stops);
    this.#stopped = cut !== undefined;
    const shown = cut ?? text.length - lengthToHold(text, this.#stops);
    this.#held = this.#stopped ? "" : text.slice(shown);
    return { text: text.slice(0, shown), stopped: this.#stopped };
  }

  /** The end of the text: what was held back is no stop string after all. */
  flush(): string {
    const rest = this.#held;
    this.#held = "";
    return rest;
  }
}

function startOfFirstMatch(text: string, stops: readonly string[]): number | undefined {
  const matches = stops
    .map((stop) => ({ start: text.indexOf(stop), length: stop.length }))
    .filter(({ start }) => start >= 0)
    .toSorted((a, b) => a.start + a.length - (b.start + b.length) || a.start - b.start);
  return matches[0]?.start;
}

/** Length of the longest end of the text that a stop string begins with. */
function lengthToHold(text: string, stops: readonly string[]): number {
  return Math.max(0, ...stops.map((stop) => overlap(text, stop)));
}

function overlap(text: string, stop: string): number {
  let length = Math.min(text.length, stop.length - 1);
  while (!text.endsWith(stop.slice(0, length))) {
    length--;
  }
  return length;
}
