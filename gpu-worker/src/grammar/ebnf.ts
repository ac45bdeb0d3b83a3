import { intersection } from "./code-points.ts";
import type { CodePointRange, Expression } from "./expression.ts";
import type { Grammar } from "./grammar.ts";
import { utf8Ranges } from "./utf8-ranges.ts";

/** The grammar as xgrammar reads it. */
export function toEbnf({ rules }: Grammar): string {
  return [...rules].map(([name, expression]) => `${name} ::= ${write(expression)}\n`).join("");
}

function write(expression: Expression): string {
  switch (expression.kind) {
    case "text":
      return `"${Array.from(expression.text, escaped).join("")}"`;
    case "class":
      return writeClass(expression.ranges);
    case "sequence":
      return expression.items.length === 0 ? `""` : `(${expression.items.map(write).join(" ")})`;
    case "choice":
      return `(${expression.items.map(write).join(" | ")})`;
    case "repeat":
      return writeRepeat(expression);
    case "rule":
      return expression.name;
  }
}

function writeRepeat({ item, min, max }: Extract<Expression, { kind: "repeat" }>): string {
  if (max === 0) {
    return `""`;
  }
  const written = `(${write(item)})`;
  if (max === Infinity) {
    return min === 0 ? `${written}*` : `${written}{${min},}`;
  }
  return min === 0 && max === 1 ? `${written}?` : `${written}{${min},${max}}`;
}

/**
 * By bytes beyond ASCII: of larger code points, xgrammar 0.1.27 compares the last byte alone, so that a
 * range of them lets bytes through that are no text.
 */
function writeClass(ranges: readonly CodePointRange[]): string {
  const ascii = intersection(ranges, ASCII).map(writeBytes).join("");
  const beyond = intersection(ranges, BEYOND_ASCII)
    .flatMap(utf8Ranges)
    .map((bytes) => bytes.map(writeByte).join(" "));
  return `(${[...(ascii === "" ? [] : [`[${ascii}]`]), ...beyond].join(" | ")})`;
}

const ASCII: readonly CodePointRange[] = [[0, 0x7f]];
const BEYOND_ASCII: readonly CodePointRange[] = [[0x80, 0x10ffff]];

/** A byte alone stands twice: once, it would be taken for a code point and become UTF-8 itself. */
function writeByte([first, last]: CodePointRange): string {
  const written = writeBytes([first, last]);
  return `[${written}${first === last ? written : ""}]`;
}

function writeBytes([first, last]: CodePointRange): string {
  const [from, to] = [first, last].map((code) => escaped(String.fromCodePoint(code)));
  return first === last ? `${from}` : `${from}-${to}`;
}

/** Letters, digits and spaces as they are, all else by number: nothing of a request is syntax here. */
function escaped(character: string): string {
  return /[\w ]/.test(character)
    ? character
    : `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, "0")}`;
}
