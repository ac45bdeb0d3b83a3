import { ApiError } from "@qwen3-vl/shared/errors";
import * as z from "zod";

/** What usage may be grouped by, in the order of its rows, and the column of each. */
export const GROUP_COLUMNS = { day: "day", model: "model", key: "api_key_id" } as const;
type Grouping = keyof typeof GROUP_COLUMNS;

const GROUPINGS: readonly Grouping[] = ["day", "model", "key"];

/** Which usage is asked for. */
export interface UsageQuery {
  /** Milliseconds since 1970; `end` is not included. */
  start: number;
  end: number;
  groupBy: readonly Grouping[];
  limit: number;
  /** Values of the last row that was told before, one for each grouping. */
  after: readonly string[] | undefined;
}

const MAX_ROWS = 1000;
const USUAL_ROWS = 100;

/** What the query may hold, as clients are told of it; `parseUsageQuery` reads it. */
export const UsageParameters = z.strictObject({
  start: z
    .string()
    .optional()
    .describe(
      "From when: a day in UTC, a time in ISO 8601, or seconds since 1970. The first of this month unless said.",
    ),
  end: z.string().optional().describe("Until when, itself not included. Now unless said."),
  group_by: z
    .string()
    .optional()
    .describe("Some of `day`, `model` and `key`, with commas between. One sum of all unless said."),
  limit: z.int().min(1).max(MAX_ROWS).default(USUAL_ROWS).describe("Rows of a page."),
  after: z
    .string()
    .optional()
    .describe("`last_id` of the page before, with the same `group_by` and times."),
});

/** @throws ApiError `invalid_request` that names the parameter at fault */
export function parseUsageQuery(query: Readonly<Record<string, string>>, now: number): UsageQuery {
  const unknown = Object.keys(query).find((name) => !PARAMETERS.has(name));
  if (unknown !== undefined) {
    throw invalid(unknown.slice(0, 80), `one of ${[...PARAMETERS].join(", ")}`);
  }
  const month = new Date(now);
  const { start: from, end: to, group_by: groups, limit, after } = query;
  const start = from === undefined ? startOfMonth(month) : parseTime("start", from);
  const end = to === undefined ? now : parseTime("end", to);
  if (end < start) {
    throw invalid("end", "a time after start");
  }
  const groupBy = parseGroups(groups ?? "");
  return {
    start,
    end,
    groupBy,
    limit: parseLimit(limit),
    after: after === undefined ? undefined : parseCursor(after, groupBy.length),
  };
}

const PARAMETERS: ReadonlySet<string> = new Set(Object.keys(UsageParameters.shape));

/** The opaque form of a row's values that `after` takes. */
export function toCursor(values: readonly string[]): string {
  return btoa(encodeURIComponent(JSON.stringify(values))).replaceAll("=", "");
}

function startOfMonth(date: Date): number {
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

const SECONDS = /^\d{1,11}$/;
const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/;

/** A day in UTC, a time with its zone, or seconds since 1970. */
function parseTime(name: string, value: string): number {
  const time = SECONDS.test(value) ? Number(value) * 1000 : DATE.test(value) && Date.parse(value);
  if (time === false || Number.isNaN(time)) {
    throw invalid(name, "a date such as 2026-11-24, a time in ISO 8601, or seconds since 1970");
  }
  return time;
}

function parseGroups(value: string): Grouping[] {
  const asked = value === "" ? [] : value.split(",");
  if (asked.some((name) => !GROUPINGS.some((known) => known === name))) {
    throw invalid("group_by", `some of ${GROUPINGS.join(",")}, with commas between`);
  }
  return GROUPINGS.filter((name) => asked.includes(name));
}

function parseLimit(value: string | undefined): number {
  const limit = value === undefined ? USUAL_ROWS : Number(value);
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_ROWS) {
    throw invalid("limit", `a whole number from 1 to ${MAX_ROWS}`);
  }
  return limit;
}

function parseCursor(value: string, length: number): string[] {
  const cursor = z.array(z.string().max(256)).length(length);
  try {
    return cursor.parse(JSON.parse(decodeURIComponent(atob(value))));
  } catch {
    throw invalid("after", "the last_id of the page before, with the same group_by");
  }
}

function invalid(param: string, expected: string): ApiError {
  return new ApiError("invalid_request", `${param}: expected ${expected}.`, { param });
}
