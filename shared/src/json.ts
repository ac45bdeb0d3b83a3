import { ApiError } from "./errors.ts";
import { MAX_JSON_DEPTH } from "./limits.ts";

/** Parses a request's JSON text; too deep or malformed text is the client's error. */
export function parseJson(text: string): unknown {
  assertShallow(text);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiError("invalid_request", "The body is not valid JSON.", { param: "body", cause });
  }
}

/** Schema code recurses over values, so depth is bounded on the text, before anything is built. */
function assertShallow(text: string): void {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (inString) {
      if (char === BACKSLASH) {
        i++;
      } else if (char === QUOTE) {
        inString = false;
      }
    } else if (char === QUOTE) {
      inString = true;
    } else if (char === OPEN_BRACE || char === OPEN_BRACKET) {
      depth++;
      if (depth > MAX_JSON_DEPTH) {
        throw new ApiError(
          "invalid_request",
          `The body is nested deeper than ${MAX_JSON_DEPTH} levels.`,
          { param: "body" },
        );
      }
    } else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) {
      depth--;
    }
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
