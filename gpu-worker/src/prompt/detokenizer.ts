import type { Tokenizer } from "./tokenizer.ts";

/** Turns tokens into text as they come, holding back the bytes of an unfinished character. */
export class IncrementalDetokenizer {
  readonly #tokenizer: Pick<Tokenizer, "bytesOf" | "isSpecial">;
  // Invalid bytes become U+FFFD as with Python's errors="replace"; U+FEFF is a character like others.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  constructor(tokenizer: Pick<Tokenizer, "bytesOf" | "isSpecial">) {
    this.#tokenizer = tokenizer;
  }

  /** The text that this token completes; special tokens have none. */
  push(tokenId: number): string {
    return this.#tokenizer.isSpecial(tokenId)
      ? ""
      : this.#decoder.decode(this.#tokenizer.bytesOf(tokenId), { stream: true });
  }

  /** The end of the answer: an unfinished character becomes U+FFFD. */
  flush(): string {
    return this.#decoder.decode();
  }
}
