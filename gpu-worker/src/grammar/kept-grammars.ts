/** Compiled grammars that a thread keeps: one takes from 20 kB to a few MB. */
const MAX_KEPT_GRAMMARS = 32;
/** Characters of EBNF of those kept, which bounds them where they are large. */
const MAX_KEPT_CHARACTERS = 2 ** 22;

/** The grammars that a thread used last, by their source. */
export class KeptGrammars<T> {
  /** The one used last at the end. */
  readonly #kept = new Map<string, T>();

  has(source: string): boolean {
    return this.#kept.has(source);
  }

  get(source: string): T | undefined {
    return this.#kept.get(source);
  }

  /** Keeps a grammar that is used now; returns those that are given up for it. */
  use(source: string, grammar: T): T[] {
    this.#kept.delete(source);
    this.#kept.set(source, grammar);
    const givenUp: T[] = [];
    let characters = 0;
    const newestFirst = [...this.#kept].toReversed();
    for (const [index, [other, old]] of newestFirst.entries()) {
      characters += other.length;
      if (index > 0 && (index >= MAX_KEPT_GRAMMARS || characters > MAX_KEPT_CHARACTERS)) {
        this.#kept.delete(other);
        givenUp.push(old);
      }
    }
    return givenUp;
  }
}
