/** Code points from first to last, both included. */
export type CodePointRange = readonly [first: number, last: number];

/** A part of a context-free grammar over Unicode code points. */
export type Expression =
  | { kind: "text"; text: string }
  /** One code point of the ranges, which are ascending and apart. */
  | { kind: "class"; ranges: readonly CodePointRange[] }
  | { kind: "sequence"; items: readonly Expression[] }
  | { kind: "choice"; items: readonly Expression[] }
  | { kind: "repeat"; item: Expression; min: number; max: number }
  | { kind: "rule"; name: string };

export function text(value: string): Expression {
  return { kind: "text", text: value };
}

export const NOTHING = text("");

export function oneOf(...ranges: readonly CodePointRange[]): Expression {
  return { kind: "class", ranges };
}

export function sequence(...items: readonly Expression[]): Expression {
  return { kind: "sequence", items };
}

/** One of the items; none of none. */
export function choice(items: readonly Expression[]): Expression {
  const [only] = items;
  return items.length === 1 && only !== undefined ? only : { kind: "choice", items };
}

/** At least `min` times, at most `max` times, which may be Infinity. */
export function repeat(item: Expression, min: number, max: number): Expression {
  return { kind: "repeat", item, min, max };
}

export function optional(item: Expression): Expression {
  return repeat(item, 0, 1);
}
