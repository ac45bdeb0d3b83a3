export interface Piece {
  text: string;
  /** Whether the piece is one of the literals, or what stands between two. */
  isLiteral: boolean;
}

/** Splits texts at a fixed set of strings: the leftmost first, the longest of those that start there. */
export class LiteralSplitter {
  readonly #pattern: RegExp;

  constructor(literals: readonly string[]) {
    this.#pattern = new RegExp(`(${alternatives(literals)})`, "u");
  }

  /** Every piece but the empty ones, in order; joined they are the text. */
  split(text: string): Piece[] {
    // With one capturing group, `split` returns the separators at the odd places.
    return text
      .split(this.#pattern)
      .map((piece, index) => ({ text: piece, isLiteral: index % 2 === 1 }))
      .filter((piece) => piece.text !== "");
  }
}

/** Source of a regular expression that matches the longest of the literals; never, without any. */
export function alternatives(literals: readonly string[]): string {
  return literals.length === 0
    ? "(?!)"
    : literals
        .toSorted((a, b) => b.length - a.length)
        .map((literal) => literal.replaceAll(/[$()*+.?[\\\]^{|}]/gu, String.raw`\$&`))
        .join("|");
}
