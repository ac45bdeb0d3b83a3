import { complement, intersection, codePointsOf } from "./code-points.ts";
import { NOTHING, choice, oneOf, optional, repeat, sequence, text } from "./expression.ts";
import type { Expression } from "./expression.ts";
import type { Grammar } from "./grammar.ts";
import { anyNumber } from "./json-number.ts";
import { ANY_JSON_CHARACTER, UNESCAPED, quoted } from "./json-string.ts";

/** Spaces behind a line break: eight levels of two, or four of four. */
const MAX_INDENT = 16;

/**
 * Between the parts of JSON: nothing, a space, or a line break with an indent. Bounded, because small
 * models that may write space after space do.
 */
function whitespace(grammar: Grammar): Expression {
  return grammar.shared("whitespace", () =>
    choice([NOTHING, text(" "), sequence(text("\n"), repeat(text(" "), 0, MAX_INDENT))]),
  );
}

export interface Member {
  name: string;
  value: Expression;
  isRequired: boolean;
}

/** An object with these members in this order, and others behind them where `additional` says so. */
export function object(
  grammar: Grammar,
  members: readonly Member[],
  additional: Expression | undefined,
): Expression {
  const space = whitespace(grammar);
  if (members.length === 0 && additional === undefined) {
    return text("{}");
  }
  const comma = sequence(text(","), space);
  const extra = additional && extraMember(grammar, members, additional);
  const firstRequired = members.findIndex(({ isRequired }) => isRequired);
  const starts = members.slice(0, firstRequired === -1 ? members.length : firstRequired + 1);
  const extras = extra === undefined ? NOTHING : repeat(sequence(comma, extra), 0, Infinity);
  let following: Expression = extras;
  const bodies: Expression[] = [];
  for (const [index, member] of [...members.entries()].toReversed()) {
    const written = grammar.rule(
      sequence(text(JSON.stringify(member.name)), text(":"), space, member.value),
    );
    if (index < starts.length) {
      bodies.unshift(sequence(written, following));
    }
    const next = sequence(comma, written);
    following = grammar.rule(sequence(member.isRequired ? next : optional(next), following));
  }
  if (firstRequired === -1) {
    bodies.push(NOTHING);
    if (extra !== undefined) {
      bodies.push(sequence(extra, extras));
    }
  }
  return sequence(text("{"), space, choice(bodies), space, text("}"));
}

function extraMember(grammar: Grammar, members: readonly Member[], value: Expression): Expression {
  const key = quoted(
    otherNames(
      grammar,
      members.map(({ name }) => name),
    ),
  );
  return grammar.rule(sequence(key, text(":"), whitespace(grammar), value));
}

const NAME_CHARACTER = oneOf(...UNESCAPED);

/** Names but these; names that JSON escapes are left out, so that none is another spelling of one. */
function otherNames(grammar: Grammar, names: readonly string[]): Expression {
  const rest = names.filter((name) => name !== "");
  const anything = repeat(NAME_CHARACTER, 0, Infinity);
  if (names.length === 0) {
    return anything;
  }
  const byFirst = Map.groupBy(rest, (name) => String.fromCodePoint(name.codePointAt(0) ?? 0));
  const others = intersection(complement(codePointsOf([...byFirst.keys()].join(""))), UNESCAPED);
  return grammar.rule(
    choice([
      ...(names.includes("") ? [] : [NOTHING]),
      ...(others.length === 0 ? [] : [sequence(oneOf(...others), anything)]),
      ...[...byFirst]
        .filter(([first]) => intersection(codePointsOf(first), UNESCAPED).length > 0)
        .map(([first, own]) =>
          sequence(
            text(first),
            otherNames(
              grammar,
              own.map((name) => name.slice(first.length)),
            ),
          ),
        ),
    ]),
  );
}

/** A list whose first items are these, followed by others where `more` says so, from `min` to `max` in all. */
export function array(
  grammar: Grammar,
  first: readonly Expression[],
  more: Expression | undefined,
  { min, max }: { min: number; max: number },
): Expression {
  const space = whitespace(grammar);
  const comma = sequence(text(","), space);
  const own = first.slice(0, max);
  const itemsAfter = (index: number): Expression => {
    const item = own[index];
    if (item === undefined) {
      return more === undefined ? NOTHING : repeatAfterComma(index);
    }
    const next = sequence(comma, item, itemsAfter(index + 1));
    return index < min ? next : optional(next);
  };
  const repeatAfterComma = (index: number) =>
    max <= index
      ? NOTHING
      : repeat(
          grammar.rule(sequence(comma, more ?? NOTHING)),
          Math.max(0, min - index),
          max - index,
        );
  const head = own[0] ?? (max === 0 ? undefined : more);
  if (head === undefined) {
    return text("[]");
  }
  const items = sequence(head, itemsAfter(1));
  return sequence(text("["), space, min === 0 ? optional(items) : items, space, text("]"));
}

/** Any JSON value. */
export function anyValue(grammar: Grammar): Expression {
  return grammar.shared("any value", () =>
    choice([
      anyObject(grammar),
      array(grammar, [], anyValue(grammar), { min: 0, max: Infinity }),
      grammar.shared("any string", () => quoted(repeat(ANY_JSON_CHARACTER, 0, Infinity))),
      anyNumber(),
      text("true"),
      text("false"),
      text("null"),
    ]),
  );
}

export function anyObject(grammar: Grammar): Expression {
  return grammar.shared("any object", () => object(grammar, [], anyValue(grammar)));
}
