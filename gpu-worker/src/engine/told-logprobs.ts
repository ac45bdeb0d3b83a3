import type { TokenLogprobs } from "./logprobs.ts";

/**
 * Log-probabilities of an answer's tokens on their way to the reader: a token's wait until some of its
 * text is shown, one without text until the next text is, and those of text that is cut off are dropped.
 */
export class ToldLogprobs {
  readonly #waiting: { start: number; logprobs: TokenLogprobs }[] = [];
  #told: TokenLogprobs[] = [];
  /** UTF-16 units of the answer decoded so far. */
  #decoded = 0;
  /** UTF-16 units of it shown so far. */
  #shown = 0;

  /** A token was chosen; its text, if any, begins where the text so far ends. */
  note(logprobs: TokenLogprobs | undefined): void {
    if (logprobs !== undefined) {
      this.#waiting.push({ start: this.#decoded, logprobs });
    }
  }

  /** So much text became known, and so much was shown. */
  advance(decoded: number, shown: number): void {
    this.#decoded += decoded;
    this.#shown += shown;
    this.#tell(({ start }) => start < this.#shown);
  }

  /** The answer ended and all of its text is shown. */
  tellAll(): void {
    this.#tell(() => true);
  }

  /** The answer ended with what is shown by now. */
  dropRest(): void {
    this.#waiting.length = 0;
  }

  /** What can be told since the last time. */
  take(): readonly TokenLogprobs[] {
    const told = this.#told;
    this.#told = told.length === 0 ? told : [];
    return told;
  }

  #tell(isDue: (waiting: { start: number }) => boolean): void {
    for (
      let [first] = this.#waiting;
      first !== undefined && isDue(first);
      [first] = this.#waiting
    ) {
      this.#told.push(first.logprobs);
      this.#waiting.shift();
    }
  }
}
