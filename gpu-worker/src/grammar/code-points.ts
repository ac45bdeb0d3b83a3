import type { CodePointRange } from "./expression.ts";

const LAST = 0x10ffff;

/** Every code point of a text; surrogates alone are none. */
export const ALL: readonly CodePointRange[] = [
  [0, 0xd7ff],
  [0xe000, LAST],
];

/** The same code points, ascending, without overlaps. */
export function normalised(ranges: readonly CodePointRange[]): CodePointRange[] {
  const joined: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const previous = joined.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) {
      previous[1] = Math.max(previous[1], last);
    } else {
      joined.push([first, last]);
    }
  }
  return joined;
}

export function intersection(
  a: readonly CodePointRange[],
  b: readonly CodePointRange[],
): CodePointRange[] {
  return normalised(
    a.flatMap(([first, last]) =>
      b
        .map(([from, to]): CodePointRange => [Math.max(first, from), Math.min(last, to)])
        .filter(([from, to]) => from <= to),
    ),
  );
}

/** All code points of texts but these. */
export function complement(ranges: readonly CodePointRange[]): CodePointRange[] {
  const gaps: CodePointRange[] = [];
  let next = 0;
  for (const [first, last] of normalised(ranges)) {
    gaps.push([next, first - 1]);
    next = last + 1;
  }
  gaps.push([next, LAST]);
  return intersection(
    gaps.filter(([first, last]) => first <= last),
    ALL,
  );
}

export function codePointsOf(characters: string): CodePointRange[] {
  return normalised(
    Array.from(characters, (character): CodePointRange => {
      const code = character.codePointAt(0) ?? 0;
      return [code, code];
    }),
  );
}
