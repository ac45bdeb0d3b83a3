import type { Expression } from "./expression.ts";
import { ROOT } from "./grammar.ts";
import type { Grammar } from "./grammar.ts";
import { UnsupportedGrammar } from "./unsupported.ts";

/**
 * Places of a grammar once repetitions are written out: a compiler makes a state of each, and scans the
 * vocabulary for it; 10,000 take seconds.
 */
const MAX_PLACES = 50_000;

/** @throws UnsupportedGrammar when no text matches, or a rule begins with itself, or it is too large */
export function assertUsable(grammar: Grammar): void {
  const { rules } = grammar;
  const endless = endlessRules(rules);
  if (endless.has(ROOT)) {
    throw new UnsupportedGrammar(
      "no finite text fits: it contains itself without an end, or nothing is allowed somewhere",
    );
  }
  assertNoLoop(rules);
  let places = 0;
  for (const expression of rules.values()) {
    places += placesOf(expression);
  }
  if (places > MAX_PLACES) {
    throw new UnsupportedGrammar(
      `repetitions written out have ${places} places; at most ${MAX_PLACES} are supported`,
    );
  }
}

/** Names of rules that no finite text matches. */
function endlessRules(rules: ReadonlyMap<string, Expression>): Set<string> {
  const endless = new Set(rules.keys());
  let before: number;
  do {
    before = endless.size;
    for (const name of [...endless].toReversed()) {
      // mostly, rules refer to later ones
      const expression = rules.get(name);
      if (expression !== undefined && hasText(expression, endless)) {
        endless.delete(name);
      }
    }
  } while (endless.size < before);
  return endless;
}

function hasText(expression: Expression, endless: ReadonlySet<string>): boolean {
  switch (expression.kind) {
    case "text":
      return true;
    case "class":
      return expression.ranges.length > 0;
    case "sequence":
      return expression.items.every((item) => hasText(item, endless));
    case "choice":
      return expression.items.some((item) => hasText(item, endless));
    case "repeat":
      return expression.min === 0 || hasText(expression.item, endless);
    case "rule":
      return !endless.has(expression.name);
  }
}

/** A rule that is one of its own alternatives says nothing, and a parser may run in circles. */
function assertNoLoop(rules: ReadonlyMap<string, Expression>): void {
  const done = new Set<string>();
  const open = new Set<string>();
  const visit = (name: string) => {
    if (done.has(name)) {
      return;
    }
    if (open.has(name)) {
      throw new UnsupportedGrammar("a $ref leads back to itself without anything between");
    }
    open.add(name);
    const expression = rules.get(name);
    for (const alternative of expression === undefined ? [] : alternativesOf(expression)) {
      visit(alternative);
    }
    open.delete(name);
    done.add(name);
  };
  for (const name of rules.keys()) {
    visit(name);
  }
}

/** Rules that an expression may be, whole. */
function alternativesOf(expression: Expression): string[] {
  switch (expression.kind) {
    case "rule":
      return [expression.name];
    case "choice":
      return expression.items.flatMap(alternativesOf);
    case "text":
    case "class":
    case "sequence":
    case "repeat":
      return [];
  }
}

function placesOf(expression: Expression): number {
  switch (expression.kind) {
    case "text":
      return expression.text.length;
    case "class":
    case "rule":
      return 1;
    case "sequence":
    case "choice":
      return expression.items.reduce((sum, item) => sum + placesOf(item), 0);
    case "repeat": {
      const { item, min, max } = expression;
      return placesOf(item) * (max === Infinity ? min + 1 : max);
    }
  }
}
