/** Prints rows as an aligned table; the first row is the head. */
export function printTable(rows: readonly (readonly (string | number)[])[]): void {
  const [head = []] = rows;
  const widths = head.map((_, column) =>
    Math.max(...rows.map((row) => String(row[column] ?? "").length)),
  );
  for (const row of rows) {
    console.log(row.map((cell, column) => String(cell).padStart(widths[column] ?? 0)).join("  "));
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}
