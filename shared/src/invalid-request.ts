import type * as z from "zod";

import { ApiError } from "./errors.ts";

/** @throws ApiError `invalid_request` that names the field, what was expected and what was got */
export function parseRequest<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): z.infer<Schema> {
  const parsed = schema.safeParse(value, { reportInput: true });
  if (!parsed.success) {
    throw toInvalidRequest(parsed.error);
  }
  return parsed.data;
}

/** The first fault of a body, as a sentence that names the field, what was expected and what was got. */
export function toInvalidRequest(error: z.ZodError): ApiError {
  const issue = deepestIssue(error.issues);
  const unknownKey = issue?.code === "unrecognized_keys" ? issue.keys[0] : undefined;
  const path = [...(issue?.path ?? []), ...(unknownKey === undefined ? [] : [unknownKey])];
  const param = path.map(String).join(".").slice(0, MAX_PARAM_LENGTH) || "body";
  const reason = unknownKey === undefined ? reasonOf(issue) : "unknown field";
  return new ApiError("invalid_request", `${param}: ${reason}.`, { param });
}

/** A key or a value may be megabytes; an error message may not. */
const MAX_PARAM_LENGTH = 200;
const MAX_SHOWN_LENGTH = 80;

function reasonOf(issue: z.core.$ZodIssue | undefined): string {
  return issue === undefined ? "invalid" : `${issue.message}${gotOf(issue)}`;
}

/** What stood there, where zod's own message does not say it and a few characters can. */
function gotOf({ message, input }: z.core.$ZodIssue): string {
  if (message.includes(", received ")) {
    return "";
  }
  if (Array.isArray(input)) {
    return `, got ${input.length} items`;
  }
  if (typeof input === "string") {
    return `, got ${JSON.stringify(input.slice(0, MAX_SHOWN_LENGTH))}`;
  }
  return typeof input === "number" || typeof input === "boolean" ? `, got ${input}` : "";
}

/** In a union, the branch that got furthest into the value says best what is wrong. */
function deepestIssue(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue | undefined {
  const [issue] = issues;
  if (issue?.code !== "invalid_union" || issue.errors.length === 0) {
    return issue;
  }
  const nested = issue.errors
    .map(deepestIssue)
    .filter((inner) => inner !== undefined)
    .toSorted((a, b) => b.path.length - a.path.length)[0];
  return nested === undefined || nested.path.length === 0
    ? issue
    : { ...nested, path: [...issue.path, ...nested.path] };
}
