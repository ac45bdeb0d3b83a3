const LINE_FEED = 0x0a;
const LETTER_D = 0x64;

const DONE = "data: [DONE]";

/** Longer than any line the meter looks at; the rest of a line is never kept. */
const KEPT_BYTES = 32;

/**
 * Watches a stream of server-sent events for four kinds of short lines: `id: N`, the completion
 * tokens so far, `: reasoning=N`, those of them that were thought, `: cached=N`, prompt tokens that
 * were cached, and `data: [DONE]`, the proper end.
 * Parses no JSON; chunks may end anywhere.
 */
export class CompletionMeter {
  completionTokens = 0;
  reasoningTokens = 0;
  /** Undefined while the stream has not said it. */
  cachedTokens: number | undefined;
  isDone = false;
  readonly #line = new Uint8Array(KEPT_BYTES);
  #length = 0;

  push(chunk: Uint8Array): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LINE_FEED, start);
      if (end === -1) {
        this.#keep(chunk.subarray(start));
        return;
      }
      this.#keep(chunk.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
  }

  #keep(bytes: Uint8Array): void {
    const kept = bytes.subarray(0, KEPT_BYTES - this.#length);
    this.#line.set(kept, this.#length);
    this.#length += kept.length;
  }

  #endLine(): void {
    const length = this.#length;
    this.#length = 0;
    const isOther = this.#line[0] === LETTER_D && length !== DONE.length; // most lines: an event's data
    if (length === 0 || isOther) {
      return;
    }
    const line = String.fromCharCode(...this.#line.subarray(0, length));
    const [, name, tokens] = /^(id: |: cached=|: reasoning=)(\d{1,9})$/.exec(line) ?? [];
    if (name === "id: ") {
      this.completionTokens = Number(tokens);
    } else if (name === ": reasoning=") {
      this.reasoningTokens = Number(tokens);
    } else if (name !== undefined) {
      this.cachedTokens = Number(tokens);
    } else if (line === DONE) {
      this.isDone = true;
    }
  }
}
