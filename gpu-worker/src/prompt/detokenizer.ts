import type { Tokenizer } from "./tokenizer.ts";

/** Turns tokens into text as they come, holding back the bytes of an unfinished character. */
export class IncrementalDetokenizer {
  readonly #tokenizer: Pick<Tokenizer, "bytesOf" | "isSpecial">;
  // Invalid bytes become U+FFFD as with Python's errors="replace"; U+FEFF is a character like others.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  readonly #showsSpecial: boolean;

  constructor(
    tokenizer: Pick<Tokenizer, "bytesOf" | "isSpecial">,
    { showsSpecial = false }: { showsSpecial?: boolean } = {},
  ) {
    this.#tokenizer = tokenizer;
    this.#showsSpecial = showsSpecial;
  }

  /** The text that this token completes; special tokens have none unless they are to be shown. */
  push(tokenId: number): string {
    return !this.#showsSpecial && this.#tokenizer.isSpecial(tokenId)
      ? ""
      : this.#decoder.decode(this.#tokenizer.bytesOf(tokenId), { stream: true });
  }

  /** The end of the answer: an unfinished character becomes U+FFFD. */
  flush(): string {
    return this.#decoder.decode();
  }
}
