import { ALL, codePointsOf, complement, intersection } from "./code-points.ts";
import { choice, oneOf, repeat, sequence, text } from "./expression.ts";
import type { CodePointRange, Expression } from "./expression.ts";
import type { Grammar } from "./grammar.ts";

/** Characters that JSON strings write with a backslash, and how. */
const SHORT_ESCAPES: ReadonlyArray<readonly [character: string, escape: string]> = [
  ['"', '\\"'],
  ["\\", "\\\\"],
  ["\b", "\\b"],
  ["\f", "\\f"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
];

/** Code points that stand in a JSON string as they are. */
export const UNESCAPED: readonly CodePointRange[] = complement([[0, 0x1f], ...codePointsOf('"\\')]);

/**
 * One character of a JSON string that is among these. Each has one spelling, so that lengths count
 * characters and no half of a surrogate pair stands alone; control characters without a short escape
 * are left out.
 */
export function jsonCharacter(ranges: readonly CodePointRange[]): Expression {
  const plain = intersection(ranges, UNESCAPED);
  const escapes = SHORT_ESCAPES.filter(
    ([character]) => intersection(ranges, codePointsOf(character)).length > 0,
  );
  return choice([
    ...(plain.length > 0 ? [oneOf(...plain)] : []),
    ...escapes.map(([, escape]) => text(escape)),
  ]);
}

export const ANY_JSON_CHARACTER = jsonCharacter(ALL);

export function quoted(content: Expression): Expression {
  return sequence(text('"'), content, text('"'));
}

/**
 * From `min` to `max` characters of JSON strings. They go by sixteens, and sixteens of sixteens, each a
 * rule that all lengths share: a compiler scans the vocabulary for each place, and 300 places take 7 s
 * where these 47 take 1 s. Tokens that may run over the end of a block are tried at each step, though: blocks
 * of eight cost 60 ms a token of 151,936, these 10 ms.
 */
export function characters(grammar: Grammar, min: number, max: number): Expression {
  const required = exactly(grammar, min);
  return max === Infinity
    ? sequence(required, repeat(block(grammar, 0), 0, Infinity))
    : sequence(required, upTo(grammar, max - min));
}

const BASE = 16;

/** `BASE ** level` characters. */
function block(grammar: Grammar, level: number): Expression {
  return grammar.shared(`characters ${level}`, () =>
    level === 0 ? ANY_JSON_CHARACTER : repeat(block(grammar, level - 1), BASE, BASE),
  );
}

function exactly(grammar: Grammar, count: number): Expression {
  const items: Expression[] = [];
  for (let level = 0, rest = count; rest > 0; level++, rest = Math.floor(rest / BASE)) {
    const digit = rest % BASE;
    items.unshift(repeat(block(grammar, level), digit, digit));
  }
  return sequence(...items);
}

/** Behind the blocks stays at least a block less one, so that no length is left out. */
function upTo(grammar: Grammar, count: number): Expression {
  const items: Expression[] = [];
  let rest = count;
  for (let level = Math.floor(Math.log(count + 1) / Math.log(BASE)); level > 0; level--) {
    const size = BASE ** level;
    const blocks = Math.floor((rest - (size - 1)) / size);
    if (blocks > 0) {
      items.push(repeat(block(grammar, level), 0, blocks));
      rest -= blocks * size;
    }
  }
  return sequence(...items, remainder(grammar, rest));
}

/** Up to `count` characters; a longer remainder ends with the shorter ones, so that lengths share places. */
function remainder(grammar: Grammar, count: number): Expression {
  return grammar.shared(`up to ${count} characters`, () =>
    count === 0
      ? text("")
      : choice([text(""), sequence(block(grammar, 0), remainder(grammar, count - 1))]),
  );
}
