import type { CodePointRange } from "./expression.ts";

type ByteRange = readonly [first: number, last: number];

/** The last code points whose UTF-8 has one, two, three and four bytes. */
const LAST_OF_LENGTH = [0x7f, 0x7ff, 0xffff, 0x10ffff];

/** A range of code points as sequences of byte ranges, each of which matches UTF-8 of the range and nothing else. */
export function utf8Ranges([first, last]: CodePointRange): ByteRange[][] {
  const sequences: ByteRange[][] = [];
  let from = first;
  for (const end of LAST_OF_LENGTH) {
    if (from <= Math.min(last, end)) {
      sequences.push(...sameLength(from, Math.min(last, end)));
      from = end + 1;
    }
  }
  return sequences;
}

/** Splits where a byte before the last would not have all its continuations. */
function sameLength(first: number, last: number): ByteRange[][] {
  const bytes = Buffer.byteLength(String.fromCodePoint(first));
  for (let rest = 1; rest < bytes; rest++) {
    const mask = (1 << (6 * rest)) - 1;
    const sharesFront = (first & ~mask) === (last & ~mask);
    if (!sharesFront && (first & mask) !== 0) {
      const cut = first | mask;
      return [...sameLength(first, cut), ...sameLength(cut + 1, last)];
    }
    if (!sharesFront && (last & mask) !== mask) {
      const cut = last & ~mask;
      return [...sameLength(first, cut - 1), ...sameLength(cut, last)];
    }
  }
  const [low, high] = [first, last].map((code) => Buffer.from(String.fromCodePoint(code)));
  return [Array.from(low ?? [], (byte, index): ByteRange => [byte, high?.[index] ?? byte])];
}
