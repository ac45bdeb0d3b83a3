import { MAX_PATTERN_LENGTH } from "@qwen3-vl/shared/limits";

import { codePointsOf, complement, normalised } from "./code-points.ts";
import type { CodePointRange } from "./expression.ts";
import { UnsupportedGrammar } from "./unsupported.ts";

/** What a regular expression says. */
export type Regex =
  | { kind: "characters"; ranges: readonly CodePointRange[] }
  | { kind: "start" }
  | { kind: "end" }
  | { kind: "sequence"; items: readonly Regex[] }
  | { kind: "choice"; items: readonly Regex[] }
  | { kind: "repeat"; item: Regex; min: number; max: number };

/** Groups inside groups: people nest a few, recursion beyond is an attack. */
const MAX_DEPTH = 32;

/**
 * Parses the regular part of ECMAScript's expressions, as with the flag `u`.
 *
 * @throws UnsupportedGrammar that says what is wrong or not regular, and at which character
 */
export function parseRegex(pattern: string): Regex {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw new UnsupportedGrammar(
      `expected a pattern of at most ${MAX_PATTERN_LENGTH} characters, got ${pattern.length}`,
    );
  }
  const parser = new RegexParser(Array.from(pattern));
  return parser.parse();
}

const DIGIT: readonly CodePointRange[] = [[0x30, 0x39]];
const WORD = normalised([
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]);
const SPACE = codePointsOf(
  "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff",
);
const NOT_LINE_END = complement(codePointsOf("\n\r\u2028\u2029"));

const CLASS_ESCAPES: Readonly<Record<string, readonly CodePointRange[]>> = {
  d: DIGIT,
  D: complement(DIGIT),
  w: WORD,
  W: complement(WORD),
  s: SPACE,
  S: complement(SPACE),
};
const CONTROL_ESCAPES: Readonly<Record<string, string>> = {
  t: "\t",
  n: "\n",
  r: "\r",
  v: "\v",
  f: "\f",
  0: "\0",
};
const NOT_REGULAR: Readonly<Record<string, string>> = {
  b: "word boundaries are",
  B: "word boundaries are",
  k: "back references are",
  p: "Unicode properties are",
  P: "Unicode properties are",
  c: "control letters are",
};

class RegexParser {
  readonly #characters: readonly string[];
  #next = 0;
  #depth = 0;

  constructor(characters: readonly string[]) {
    this.#characters = characters;
  }

  parse(): Regex {
    const regex = this.#choice();
    if (this.#next < this.#characters.length) {
      throw this.#error("no group is open to close");
    }
    return regex;
  }

  #choice(): Regex {
    const items = [this.#sequence()];
    while (this.#take("|")) {
      items.push(this.#sequence());
    }
    const [only] = items;
    return items.length === 1 && only !== undefined ? only : { kind: "choice", items };
  }

  #sequence(): Regex {
    const items: Regex[] = [];
    while (this.#peek() !== undefined && this.#peek() !== "|" && this.#peek() !== ")") {
      items.push(this.#quantified());
    }
    return { kind: "sequence", items };
  }

  #quantified(): Regex {
    const item = this.#atom();
    const bounds = this.#quantifier();
    if (bounds === undefined) {
      return item;
    }
    if (item.kind === "start" || item.kind === "end") {
      throw this.#error("an anchor cannot be repeated");
    }
    this.#take("?"); // lazy: which match is found first is no matter here
    if ("*+{?".includes(this.#peek() ?? " ")) {
      throw this.#error("nothing to repeat");
    }
    return { kind: "repeat", item, ...bounds };
  }

  #quantifier(): { min: number; max: number } | undefined {
    const simple = SIMPLE_QUANTIFIERS[this.#peek() ?? ""];
    if (simple !== undefined) {
      this.#next++;
      return simple;
    }
    if (this.#peek() !== "{") {
      return undefined;
    }
    const rest = this.#characters.slice(this.#next, this.#next + MAX_QUANTIFIER_LENGTH).join("");
    const match = /^\{(\d+)(?:(,)(\d*))?\}/.exec(rest);
    if (match === null) {
      throw this.#error("expected {n}, {n,} or {n,m}");
    }
    const [all, least, comma, most] = match;
    this.#next += all.length;
    const min = Number(least);
    const upper = most === undefined || most === "" ? Infinity : Number(most);
    const max = comma === undefined ? min : upper;
    if (max < min) {
      throw this.#error(`a repetition from ${min} to ${max} is empty`);
    }
    return { min, max };
  }

  #atom(): Regex {
    const character = this.#characters[this.#next++] ?? "";
    switch (character) {
      case "(":
        return this.#group();
      case "[":
        return { kind: "characters", ranges: this.#class() };
      case ".":
        return { kind: "characters", ranges: NOT_LINE_END };
      case "^":
        return { kind: "start" };
      case "$":
        return { kind: "end" };
      case "\\":
        return { kind: "characters", ranges: this.#escape() };
      default:
        if ("*+?{".includes(character)) {
          throw this.#error("nothing to repeat");
        }
        return { kind: "characters", ranges: codePointsOf(character) };
    }
  }

  #group(): Regex {
    if (++this.#depth > MAX_DEPTH) {
      throw this.#error(`groups are nested deeper than ${MAX_DEPTH}`);
    }
    if (this.#take("?") && !this.#take(":")) {
      this.#groupName();
    }
    const regex = this.#choice();
    if (!this.#take(")")) {
      throw this.#error("a group is not closed");
    }
    this.#depth--;
    return regex;
  }

  #groupName(): void {
    const rest = this.#characters.slice(this.#next, this.#next + MAX_NAME_LENGTH).join("");
    const [name] = /^P?<[A-Za-z_]\w*>/.exec(rest) ?? []; // ECMAScript's and Python's
    if (name === undefined) {
      throw this.#error("lookaround and flags are not supported");
    }
    this.#next += name.length;
  }

  #class(): CodePointRange[] {
    const isNegated = this.#take("^");
    const ranges: CodePointRange[] = [];
    while (!this.#take("]")) {
      ranges.push(...this.#classItem());
    }
    return isNegated ? complement(ranges) : normalised(ranges);
  }

  #classItem(): readonly CodePointRange[] {
    const from = this.#classAtom();
    const isRange = this.#peek() === "-" && this.#characters[this.#next + 1] !== "]";
    if (!isRange) {
      return from;
    }
    this.#next++;
    const first = onlyOf(from);
    const last = onlyOf(this.#classAtom());
    if (first === undefined || last === undefined || last < first) {
      throw this.#error("expected a range of characters in ascending order");
    }
    return [[first, last]];
  }

  #classAtom(): readonly CodePointRange[] {
    const character = this.#characters[this.#next++];
    if (character === undefined) {
      throw this.#error("a class of characters is not closed");
    }
    return character === "\\" ? this.#escape() : codePointsOf(character);
  }

  #escape(): readonly CodePointRange[] {
    const character = this.#characters[this.#next++];
    if (character === undefined) {
      throw this.#error("a backslash at the end");
    }
    const refusal = NOT_REGULAR[character];
    if (refusal !== undefined) {
      throw this.#error(`${refusal} not supported`);
    }
    const known = CLASS_ESCAPES[character];
    if (known !== undefined) {
      return known;
    }
    if (character === "x" || character === "u") {
      return this.#codePoint(character);
    }
    const control = CONTROL_ESCAPES[character];
    if (control === undefined && /[A-Za-z1-9]/.test(character)) {
      throw this.#error(`the escape \\${character} is not supported`);
    }
    return codePointsOf(control ?? character);
  }

  #codePoint(kind: "x" | "u"): readonly CodePointRange[] {
    const rest = this.#characters.slice(this.#next, this.#next + MAX_NAME_LENGTH).join("");
    const form = kind === "x" ? /^([\da-f]{2})/i : /^(?:([\da-f]{4})|\{([\da-f]{1,6})\})/i;
    const match = form.exec(rest);
    const code = Number.parseInt(match?.[1] ?? match?.[2] ?? "", 16);
    const isCharacter = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
    if (match === null || !isCharacter) {
      throw this.#error(`expected the number of a character after \\${kind}`);
    }
    this.#next += match[0].length;
    return [[code, code]];
  }

  #peek(): string | undefined {
    return this.#characters[this.#next];
  }

  #take(character: string): boolean {
    const isNext = this.#peek() === character;
    this.#next += isNext ? 1 : 0;
    return isNext;
  }

  #error(reason: string): UnsupportedGrammar {
    const shown = this.#characters.join("").slice(0, MAX_SHOWN_LENGTH);
    return new UnsupportedGrammar(
      `the pattern ${JSON.stringify(shown)} at character ${this.#next}: ${reason}`,
    );
  }
}

const SIMPLE_QUANTIFIERS: Readonly<Record<string, { min: number; max: number }>> = {
  "*": { min: 0, max: Infinity },
  "+": { min: 1, max: Infinity },
  "?": { min: 0, max: 1 },
};

/** `{1000000,1000000}` and a little more. */
const MAX_QUANTIFIER_LENGTH = 20;
const MAX_NAME_LENGTH = 64;
const MAX_SHOWN_LENGTH = 80;

function onlyOf(ranges: readonly CodePointRange[]): number | undefined {
  const [range] = ranges;
  return ranges.length === 1 && range !== undefined && range[0] === range[1] ? range[0] : undefined;
}
