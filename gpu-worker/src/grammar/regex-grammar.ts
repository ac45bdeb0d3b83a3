import { ALL } from "./code-points.ts";
import { NOTHING, choice, oneOf, repeat, sequence } from "./expression.ts";
import type { CodePointRange, Expression } from "./expression.ts";
import { parseRegex } from "./regex-parser.ts";
import type { Regex } from "./regex-parser.ts";
import { UnsupportedGrammar } from "./unsupported.ts";

/** How a text writes one of some characters: as it is, or escaped in JSON. */
export type WriteCharacter = (ranges: readonly CodePointRange[]) => Expression;

export const plainCharacter: WriteCharacter = (ranges) =>
  ranges.length === 0 ? choice([]) : oneOf(...ranges);

/** Texts that match as a whole, as vLLM's `regex` means it; `^` and `$` at the ends say nothing new. */
export function wholeMatch(pattern: string, write: WriteCharacter): Expression {
  return choice(
    alternativesOf(parseRegex(pattern)).map(({ items }) => toExpression(inside(items), write)),
  );
}

/** Texts in which a match is found, as JSON Schema's `pattern` means it. */
export function anyMatch(pattern: string, write: WriteCharacter): Expression {
  const anything = repeat(write(ALL), 0, Infinity);
  return choice(
    alternativesOf(parseRegex(pattern)).map(({ items }) =>
      sequence(
        items[0]?.kind === "start" ? NOTHING : anything,
        toExpression(inside(items), write),
        items.at(-1)?.kind === "end" ? NOTHING : anything,
      ),
    ),
  );
}

interface Alternative {
  items: readonly Regex[];
}

function alternativesOf(regex: Regex): Alternative[] {
  const alternatives = regex.kind === "choice" ? regex.items : [regex];
  return alternatives.map((item) => ({ items: item.kind === "sequence" ? item.items : [item] }));
}

/** An alternative without the anchors at its ends. */
function inside(items: readonly Regex[]): Regex {
  const first = items[0]?.kind === "start" ? 1 : 0;
  const last = items.at(-1)?.kind === "end" ? items.length - 1 : items.length;
  return { kind: "sequence", items: items.slice(first, last) };
}

function toExpression(regex: Regex, write: WriteCharacter): Expression {
  switch (regex.kind) {
    case "characters":
      return write(regex.ranges);
    case "start":
    case "end":
      throw new UnsupportedGrammar("^ and $ are supported at the ends of a pattern only");
    case "sequence":
      return sequence(...regex.items.map((item) => toExpression(item, write)));
    case "choice":
      return choice(regex.items.map((item) => toExpression(item, write)));
    case "repeat":
      return repeat(toExpression(regex.item, write), regex.min, regex.max);
  }
}
