import { ApiError } from "./errors.ts";
import { MAX_JSON_DEPTH } from "./limits.ts";

/** Parses a request's JSON text; too deep, ambiguous or malformed text is the client's error. */
export function parseJson(text: string): unknown {
  assertShallowAndUnambiguous(text);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiError("invalid_request", "The body is not valid JSON.", { param: "body", cause });
  }
}

/**
 * Two checks on the text, before anything is built: schema code recurses over values, so depth is
 * bounded; and of two equal keys readers choose differently, so that what one of them has checked is
 * not what the next one does. Text that is no JSON is left to the parser.
 */
function assertShallowAndUnambiguous(text: string): void {
  /** For each open object its keys so far, for each open array nothing. */
  const open: (Set<string> | undefined)[] = [];
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === QUOTE) {
      const end = endOfString(text, i);
      if (isKey(text, end)) {
        addKey(open.at(-1), text.slice(i, end));
      }
      i = end - 1;
    } else if (char === OPEN_BRACE || char === OPEN_BRACKET) {
      if (open.push(char === OPEN_BRACE ? new Set() : undefined) > MAX_JSON_DEPTH) {
        throw bodyError(`The body is nested deeper than ${MAX_JSON_DEPTH} levels.`);
      }
    } else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) {
      open.pop();
    }
  }
}

/** Index behind the closing quote; searched, because a picture is one string of megabytes. */
function endOfString(text: string, start: number): number {
  let quote = start;
  do {
    quote = text.indexOf('"', quote + 1);
  } while (quote !== -1 && isEscaped(text, quote));
  return quote === -1 ? text.length : quote + 1;
}

function isEscaped(text: string, index: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(index - 1 - backslashes) === BACKSLASH) {
    backslashes++;
  }
  return backslashes % 2 === 1;
}

function isKey(text: string, end: number): boolean {
  let next = end;
  while (WHITESPACE.has(text.charCodeAt(next))) {
    next++;
  }
  return text.charCodeAt(next) === COLON;
}

function addKey(keys: Set<string> | undefined, quoted: string): void {
  const key = quoted.includes("\\") ? unescaped(quoted) : quoted.slice(1, -1);
  if (keys?.has(key) === true) {
    const shown = key.slice(0, MAX_SHOWN_LENGTH);
    throw bodyError(`The key ${JSON.stringify(shown)} stands twice in one object.`);
  }
  keys?.add(key);
}

function unescaped(quoted: string): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return quoted;
  }
}

function bodyError(message: string): ApiError {
  return new ApiError("invalid_request", message, { param: "body" });
}

/** A key may be a megabyte; an error message may not. */
const MAX_SHOWN_LENGTH = 80;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const WHITESPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
