import * as z from "zod";

import { UsageSums, UsageGroup } from "./usage-list.ts";
import type { UsageList } from "./usage-list.ts";
import { GROUP_COLUMNS, toCursor } from "./usage-query.ts";
import type { UsageQuery } from "./usage-query.ts";

/** Sums of one group, by the names of `GET /v1/usage`; what it is grouped by stands beside them. */
const SUMS = {
  requests: "COUNT(*)",
  completed_requests: "COALESCE(SUM(outcome = 'completed'), 0)",
  cut_off_requests: "COALESCE(SUM(outcome = 'cut_off'), 0)",
  failed_requests: "COALESCE(SUM(outcome = 'failed'), 0)",
  refused_requests: "COALESCE(SUM(outcome = 'refused'), 0)",
  prompt_tokens: sumOf("prompt_tokens"),
  cached_tokens: sumOf("cached_tokens"),
  image_tokens: sumOf("image_tokens"),
  video_tokens: sumOf("video_tokens"),
  completion_tokens: sumOf("completion_tokens"),
  reasoning_tokens: sumOf("reasoning_tokens"),
  pixels: sumOf("pixels"),
  video_ms: sumOf("video_ms"),
  frames: sumOf("frames"),
  cost_micros: sumOf("cost_micros"),
} satisfies Record<Exclude<keyof Row, Column>, string>;

function sumOf(column: string): string {
  return `COALESCE(SUM(${column}), 0)`;
}

const Row = z.object({
  ...UsageGroup.shape,
  ...UsageSums.shape,
  video_ms: z.number(),
  cost_micros: z.number(),
});
type Row = z.infer<typeof Row>;

/** One page of a tenant's usage. */
export async function sumUsage(
  db: D1Database,
  tenant: string,
  query: UsageQuery,
): Promise<UsageList> {
  const columns = query.groupBy.map((grouping) => GROUP_COLUMNS[grouping]);
  const values = [tenant, query.start, query.end, ...(query.after ?? []), query.limit + 1];
  const { results } = await db
    .prepare(selectOf(columns, query.after !== undefined))
    .bind(...values)
    .all();
  const rows = z.array(Row).parse(results);
  const data = rows.slice(0, query.limit).map(toUsageRow);
  const last = rows[data.length - 1];
  return {
    object: "list",
    data,
    has_more: rows.length > query.limit,
    last_id:
      last === undefined || columns.length === 0
        ? null
        : toCursor(columns.map((column) => last[column] ?? "")),
  };
}

type Column = (typeof GROUP_COLUMNS)[keyof typeof GROUP_COLUMNS];

/** Columns and sums are our own words; whatever comes from outside is bound. */
function selectOf(columns: readonly Column[], hasCursor: boolean): string {
  const sums = Object.entries(SUMS).map(([name, sum]) => `${sum} AS ${name}`);
  const list = columns.join(", ");
  const marks = columns.map(() => "?").join(", ");
  const grouped = columns.length === 0 ? "" : `GROUP BY ${list} ORDER BY ${list}`;
  return `
    SELECT ${[...columns, ...sums].join(", ")}
    FROM (
      SELECT *, date(started_at / 1000, 'unixepoch') AS day FROM usage_records
      WHERE tenant = ? AND started_at >= ? AND started_at < ?
    )
    ${hasCursor && columns.length > 0 ? `WHERE (${list}) > (${marks})` : ""}
    ${grouped} LIMIT ?`;
}

function toUsageRow({ video_ms: videoMs, cost_micros: micros, ...row }: Row) {
  return { object: "usage" as const, ...row, video_seconds: videoMs / 1000, cost: micros / 1e6 };
}
