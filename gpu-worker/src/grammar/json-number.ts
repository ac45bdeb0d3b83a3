import { NOTHING, choice, oneOf, optional, repeat, sequence, text } from "./expression.ts";
import type { Expression } from "./expression.ts";
import { UnsupportedGrammar } from "./unsupported.ts";

/** Bounds of a schema's numbers; undefined where it says nothing. */
export interface NumberBounds {
  minimum?: number | undefined;
  maximum?: number | undefined;
  exclusiveMinimum?: number | undefined;
  exclusiveMaximum?: number | undefined;
}

/** Decimal digits that a double keeps apart: more could be rounded across a bound. */
const MAX_DIGITS = 15;
/** The largest number of these many digits. */
const LARGEST = 10 ** MAX_DIGITS - 1;

const DIGIT = oneOf([0x30, 0x39]);
const DIGIT_FROM_1 = oneOf([0x31, 0x39]);

/** Any number, finite as a double. */
export function anyNumber(): Expression {
  const exponent = sequence(
    choice([text("e"), text("E")]),
    optional(choice([text("+"), text("-")])),
    repeat(DIGIT, 1, 2),
  );
  const fraction = sequence(text("."), repeat(DIGIT, 1, MAX_DIGITS));
  return sequence(anyInteger(), optional(fraction), optional(exponent));
}

/** Any integer that a double holds exactly. */
export function anyInteger(): Expression {
  const digits = sequence(DIGIT_FROM_1, repeat(DIGIT, 0, MAX_DIGITS - 1));
  return sequence(optional(text("-")), choice([text("0"), digits]));
}

/** @throws UnsupportedGrammar when there is none, or the bounds have too many digits */
export function integerBetween(bounds: NumberBounds): Expression {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = bounds;
  const first = Math.max(
    -LARGEST,
    Math.ceil(minimum ?? -LARGEST),
    exclusiveMinimum === undefined ? -LARGEST : Math.floor(exclusiveMinimum) + 1,
  );
  const last = Math.min(
    LARGEST,
    Math.floor(maximum ?? LARGEST),
    exclusiveMaximum === undefined ? LARGEST : Math.ceil(exclusiveMaximum) - 1,
  );
  if (first > last) {
    throw new UnsupportedGrammar(
      `expected a minimum below the maximum, within ${MAX_DIGITS} digits; there is no integer from ${first} to ${last}`,
    );
  }
  return choice([
    ...(first < 0 ? [sequence(text("-"), wholeBetween(Math.max(1, -last), -first))] : []),
    ...(last >= 0 ? [wholeBetween(Math.max(0, first), last)] : []),
  ]);
}

/** A decimal without sign and exponent. */
interface Decimal {
  whole: number;
  /** Without zeros at its end. */
  fraction: string;
}

interface Bound {
  at: Decimal;
  /** Whether the bound itself is allowed. */
  inclusive: boolean;
}

/** Numbers without exponent, at most 15 digits long. */
export function numberBetween(bounds: NumberBounds): Expression {
  const low = bound(bounds.minimum, bounds.exclusiveMinimum, Math.max);
  const high = bound(bounds.maximum, bounds.exclusiveMaximum, Math.min);
  const isEmpty =
    low.value > high.value || (low.value === high.value && !(low.inclusive && high.inclusive));
  if (isEmpty) {
    throw new UnsupportedGrammar(
      `expected a minimum below the maximum; there is no number from ${low.value} to ${high.value}`,
    );
  }
  const zero = { at: { whole: 0, fraction: "" }, inclusive: false };
  const items: Expression[] = [];
  if (low.value < 0) {
    const nearest = high.value < 0 ? magnitude(high) : zero;
    items.push(sequence(text("-"), magnitudesBetween(nearest, magnitude(low))));
  }
  if (high.value > 0) {
    const nearest = low.value > 0 ? magnitude(low) : zero;
    items.push(magnitudesBetween(nearest, magnitude(high)));
  }
  const allowsZero =
    (low.value < 0 || (low.value === 0 && low.inclusive)) &&
    (high.value > 0 || (high.value === 0 && high.inclusive));
  if (allowsZero) {
    items.push(text("0"));
  }
  return choice(items);
}

/** The tighter of two bounds. */
function bound(
  inclusive: number | undefined,
  exclusive: number | undefined,
  tighter: (a: number, b: number) => number,
): { value: number; inclusive: boolean } {
  const none = tighter === Math.max ? -LARGEST : LARGEST;
  const value = tighter(inclusive ?? none, exclusive ?? none);
  return { value, inclusive: value !== exclusive };
}

function magnitude({ value, inclusive }: { value: number; inclusive: boolean }): Bound {
  const written = String(Math.abs(value));
  const match = /^(\d{1,15})(?:\.(\d+))?$/.exec(written);
  const [, whole = "", fraction = ""] = match ?? [];
  if (match === null || whole.length + fraction.length > MAX_DIGITS) {
    throw new UnsupportedGrammar(
      `expected a bound of at most ${MAX_DIGITS} digits without exponent, got ${value}`,
    );
  }
  return { at: { whole: Number(whole), fraction }, inclusive };
}

function magnitudesBetween(low: Bound, high: Bound): Expression {
  const [first, last] = [low.at.whole, high.at.whole];
  if (first === last) {
    return sequence(text(String(first)), fractionBetween(first, low, high));
  }
  const between = first + 1 <= last - 1 ? [wholeWithFraction(first + 1, last - 1)] : [];
  return choice([
    sequence(text(String(first)), fractionBetween(first, low, undefined)),
    ...between,
    sequence(text(String(last)), fractionBetween(last, undefined, high)),
  ]);
}

function wholeWithFraction(first: number, last: number): Expression {
  const places = MAX_DIGITS - String(last).length;
  const fraction = places === 0 ? NOTHING : optional(sequence(text("."), repeat(DIGIT, 1, places)));
  return sequence(wholeBetween(first, last), fraction);
}

/** What may follow a whole number, point included, between two bounds of that whole number. */
function fractionBetween(
  whole: number,
  low: Bound | undefined,
  high: Bound | undefined,
): Expression {
  const places = MAX_DIGITS - String(whole).length;
  const endsHere =
    (low === undefined || (low.at.fraction === "" && low.inclusive)) &&
    (high === undefined || high.at.fraction !== "" || high.inclusive);
  const digits = fractionDigits(edge(low), edge(high), places);
  return choice([
    ...(endsHere ? [NOTHING] : []),
    ...(digits === undefined ? [] : [sequence(text("."), digits)]),
  ]);
}

/** A bound's digits that are still to come; undefined when digits before decided. */
type Edge = { digits: string; inclusive: boolean } | undefined;

function edge(it: Bound | undefined): Edge {
  return it && { digits: it.at.fraction, inclusive: it.inclusive };
}

/** At least one digit, at most `places`; undefined when there is no such fraction. */
function fractionDigits(low: Edge, high: Edge, places: number): Expression | undefined {
  if (places === 0) {
    return undefined;
  }
  if (low === undefined && high === undefined) {
    return repeat(DIGIT, 1, places);
  }
  const from = Number(low?.digits[0] ?? 0);
  const to = high === undefined ? 9 : Number(high.digits[0] ?? 0);
  const items: Expression[] = [];
  if (from + 1 <= to - 1) {
    items.push(digitThenAnything(from + 1, to - 1, places));
  }
  for (const digit of new Set([from, to])) {
    const after = (it: Edge, at: number) =>
      it === undefined || at !== digit ? undefined : { ...it, digits: it.digits.slice(1) };
    const nextLow = after(low, from);
    const nextHigh = after(high, to);
    const isWithin = digit >= from && digit <= to;
    if (isWithin) {
      items.push(...edgeDigit(digit, nextLow, nextHigh, places));
    }
  }
  return items.length === 0 ? undefined : choice(items);
}

function edgeDigit(digit: number, low: Edge, high: Edge, places: number): Expression[] {
  const endsHere =
    (low === undefined || (low.digits === "" && low.inclusive)) &&
    (high === undefined || high.digits !== "" || high.inclusive);
  const rest = fractionDigits(low, high, places - 1);
  const written = text(String(digit));
  return [...(endsHere ? [written] : []), ...(rest === undefined ? [] : [sequence(written, rest)])];
}

function digitThenAnything(first: number, last: number, places: number): Expression {
  return sequence(digitBetween(first, last), repeat(DIGIT, 0, places - 1));
}

/** Whole numbers from first to last, neither negative, without zeros in front. */
function wholeBetween(first: number, last: number): Expression {
  const items: Expression[] = [];
  for (let length = String(first).length; length <= String(last).length; length++) {
    const from = Math.max(first, length === 1 ? 0 : 10 ** (length - 1));
    const to = Math.min(last, 10 ** length - 1);
    items.push(sameLengthBetween(String(from), String(to)));
  }
  return choice(items);
}

/** Digit strings between two of the same length. */
function sameLengthBetween(from: string, to: string): Expression {
  const length = from.length;
  if (from === to) {
    return text(from);
  }
  if (/^0*$/.test(from) && /^9*$/.test(to)) {
    return repeat(DIGIT, length, length);
  }
  const [low, high] = [Number(from[0]), Number(to[0])];
  const [lowRest, highRest] = [from.slice(1), to.slice(1)];
  if (low === high) {
    return sequence(text(String(low)), sameLengthBetween(lowRest, highRest));
  }
  if (length === 1) {
    return digitBetween(low, high);
  }
  const isLowWhole = /^0*$/.test(lowRest);
  const isHighWhole = /^9*$/.test(highRest);
  const first = isLowWhole ? low : low + 1;
  const last = isHighWhole ? high : high - 1;
  const nines = "9".repeat(length - 1);
  const zeros = "0".repeat(length - 1);
  return choice([
    ...(isLowWhole ? [] : [sequence(text(String(low)), sameLengthBetween(lowRest, nines))]),
    ...(first <= last
      ? [sequence(digitBetween(first, last), repeat(DIGIT, length - 1, length - 1))]
      : []),
    ...(isHighWhole ? [] : [sequence(text(String(high)), sameLengthBetween(zeros, highRest))]),
  ]);
}

function digitBetween(first: number, last: number): Expression {
  return oneOf([0x30 + first, 0x30 + last]);
}
