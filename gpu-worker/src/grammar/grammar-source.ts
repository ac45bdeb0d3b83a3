import { ApiError } from "@qwen3-vl/shared/errors";

import { toEbnf } from "./ebnf.ts";
import type { Expression } from "./expression.ts";
import { assertUsable } from "./grammar-check.ts";
import { Grammar } from "./grammar.ts";
import { UnsupportedGrammar } from "./unsupported.ts";

/** A grammar that an answer must follow, and the field of the request that asks for it. */
export interface OutputGrammar {
  /** EBNF as xgrammar reads it. */
  source: string;
  param: string;
}

/** Characters of the EBNF that a schema becomes. */
const MAX_SOURCE_LENGTH = 2 ** 20;

/** @throws UnsupportedGrammar when nothing fits, or it becomes too long */
export function sourceOf(write: (grammar: Grammar) => Expression): string {
  const grammar = new Grammar();
  grammar.root(write(grammar));
  assertUsable(grammar);
  const source = toEbnf(grammar);
  if (source.length > MAX_SOURCE_LENGTH) {
    throw new UnsupportedGrammar(
      `it becomes a grammar of ${source.length} characters; at most ${MAX_SOURCE_LENGTH} are supported`,
    );
  }
  return source;
}

/** Runs what may refuse a grammar; the refusal names the field. */
export function inField<T>(param: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toFieldError(param, error);
  }
}

/** A refusal of a grammar as the client's error; anything else stays what it is. */
export function toFieldError(param: string, error: unknown): unknown {
  if (!(error instanceof UnsupportedGrammar)) {
    return error;
  }
  const where = [param, ...error.path].join(".").slice(0, MAX_PARAM_LENGTH);
  return new ApiError("invalid_request", `${where}: ${error.message}.`, {
    param: where,
    cause: error,
  });
}

/** Names of properties may be long; an error message may not. */
const MAX_PARAM_LENGTH = 200;
