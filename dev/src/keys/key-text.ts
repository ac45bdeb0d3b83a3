import type { AdminKey, AdminKeyList } from "../../../edge/src/admin/admin-key.ts";

/** A key, one field a line; what is not set is left out. */
export function keyText(key: AdminKey & { value?: string }): string {
  const rows = [
    ["Key", key.id],
    ["Value", key.value === undefined ? key.redacted_value : `${key.value}  (shown only now)`],
    ["Name", key.name],
    ["Status", key.status],
    ["Owner", key.owner ?? ""],
    ["Created", time(key.created_at)],
    ["Expires", time(key.expires_at)],
    ["Revoked", time(key.revoked_at)],
    ["Old value until", time(key.previous_expires_at)],
    ...tableRows("Label", key.labels),
    ...tableRows("Scope", key.scopes),
    ...tableRows("Limit", key.limits),
    ...tableRows("Media", key.media_hosts),
  ];
  const shown = rows.filter(([, value]) => value !== "");
  const width = Math.max(...shown.map(([name = ""]) => name.length));
  return shown.map(([name = "", value]) => `${name.padEnd(width)}  ${value}`).join("\n");
}

/** Keys as a table, and how to get at those that are not in it. */
export function listText({ data, has_more: hasMore, last_id: last }: AdminKeyList): string {
  const head = ["ID", "KEY", "STATUS", "CREATED", "EXPIRES", "OWNER", "NAME"];
  const rows = data.map((key) => [
    key.id,
    key.redacted_value,
    key.status,
    time(key.created_at).slice(0, 10),
    time(key.expires_at).slice(0, 10),
    key.owner ?? "",
    key.name,
  ]);
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const lines = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [...lines, ...(hasMore ? [`More: --after ${last}`] : [])].join("\n");
}

function tableRows(name: string, table: Readonly<Record<string, unknown>>): [string, string][] {
  return Object.entries(table).map(([key, value]) => [
    name,
    `${key} ${Array.isArray(value) ? value.join(", ") || "none" : JSON.stringify(value)}`,
  ]);
}

/** `2027-01-31T12:00:00Z` of seconds since 1970. */
function time(seconds: number | null): string {
  return seconds === null ? "" : new Date(seconds * 1000).toISOString().replace(".000", "");
}
