import { ApiError } from "@qwen3-vl/shared/errors";

import { alternatives, LiteralSplitter } from "./literal-splitter.ts";
import type { Piece } from "./literal-splitter.ts";

/**
 * Keeps special tokens the template's own: a mark, a character found nowhere else, breaks every one
 * that a client's text could form, alone or with what the template puts beside it. After rendering,
 * the tokens still whole are the template's, and the marks are taken out again.
 */
export class SpecialTokenGuard {
  readonly #tokens: readonly string[];
  readonly #tails: readonly string[];
  readonly #longest: number;
  readonly #wholeTokenStart: RegExp;
  readonly #splitter: LiteralSplitter;

  constructor(specialTokens: readonly string[]) {
    this.#tokens = specialTokens;
    this.#tails = specialTokens.flatMap((token) =>
      Array.from({ length: token.length - 1 }, (_, index) => token.slice(index + 1)),
    );
    this.#longest = Math.max(0, ...specialTokens.map((token) => token.length));
    this.#wholeTokenStart = new RegExp(`(?=${alternatives(specialTokens)})[^]`, "gu");
    this.#splitter = new LiteralSplitter(specialTokens);
  }

  /** A client's text with the mark wherever a special token stands, begins or goes on. */
  protect(text: string, mark: string): string {
    const broken = text.toWellFormed().replace(this.#wholeTokenStart, `$&${mark}`);
    return this.#breakAtStart(this.#breakAtEnd(broken, mark), mark);
  }

  /** A rendered text in pieces without marks; the literal ones are the template's special tokens. */
  split(rendered: string, mark: string): Piece[] {
    return this.#splitter
      .split(rendered)
      .map(({ text, isLiteral }) => ({ text: text.replaceAll(mark, ""), isLiteral }));
  }

  /** A token begun at the end is broken too: what follows could finish it, even after a trim. */
  #breakAtEnd(text: string, mark: string): string {
    const { length } = text.trimEnd();
    let broken = text;
    for (let start = length - 1; start >= 0 && start > length - this.#longest; start--) {
      const begun = text.slice(start, length);
      if (this.#tokens.some((token) => token.startsWith(begun))) {
        broken = insert(broken, start + 1, mark);
      }
    }
    return broken;
  }

  /** So is one that the template may have begun before the text, which ends it or lies within it. */
  #breakAtStart(text: string, mark: string): string {
    const start = text.search(/\S/u);
    const content = text.slice(start).trimEnd();
    const goesOn = this.#tails.some((tail) => content.startsWith(tail) || tail.startsWith(content));
    return start >= 0 && goesOn ? insert(text, start, mark) : text;
  }
}

/** A private-use character that none of the texts contains. */
export function unusedCharacter(...texts: readonly string[]): string {
  const used = new Set(texts.flatMap((text) => text.match(/[\uE000-\uF8FF]/gu) ?? []));
  for (let code = 0xe000; code <= 0xf8ff; code++) {
    const character = String.fromCodePoint(code);
    if (!used.has(character)) {
      return character;
    }
  }
  throw new ApiError(
    "invalid_request",
    "messages: the texts hold every private-use character from U+E000 to U+F8FF; leave one out.",
    { param: "messages" },
  );
}

function insert(text: string, index: number, inserted: string): string {
  return text.slice(0, index) + inserted + text.slice(index);
}
