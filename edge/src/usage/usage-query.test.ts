import { describe, expect, it } from "vitest";

import { parseUsageQuery, toCursor } from "./usage-query.ts";

const NOW = Date.UTC(2026, 10, 24, 12);

describe("parseUsageQuery", () => {
  it("takes the month so far, all together, unless told otherwise", () => {
    expect(parseUsageQuery({}, NOW)).toEqual({
      start: Date.UTC(2026, 10, 1),
      end: NOW,
      groupBy: [],
      limit: 100,
      after: undefined,
    });
  });

  it.each([
    ["2026-11-20", Date.UTC(2026, 10, 20)],
    ["2026-11-20T06:30:00Z", Date.UTC(2026, 10, 20, 6, 30)],
    ["2026-11-20T06:30+02:00", Date.UTC(2026, 10, 20, 4, 30)],
    ["1763600000", 1_763_600_000_000],
  ])("reads the time %s", (start, expected) => {
    expect(parseUsageQuery({ start }, NOW).start).toBe(expected);
  });

  it("orders groups in one way", () => {
    expect(parseUsageQuery({ group_by: "key,day" }, NOW).groupBy).toEqual(["day", "key"]);
  });

  it("reads back its own cursors, whatever is in them", () => {
    const values = ["2026-11-24", "modèle/🧺"];
    const query = { group_by: "day,model", after: toCursor(values) };
    expect(parseUsageQuery(query, NOW).after).toEqual(values);
  });

  it.each([
    ["start", { start: "yesterday" }],
    ["start", { start: "2026-13-01" }],
    ["end", { start: "2026-11-02", end: "2026-11-01" }],
    ["group_by", { group_by: "owner" }],
    ["limit", { limit: "0" }],
    ["limit", { limit: "1001" }],
    ["after", { after: "x" }],
    ["after", { group_by: "day", after: toCursor(["a", "b"]) }],
    ["tenant", { tenant: "other" }],
  ])("names the parameter %s at fault", (param, query) => {
    expect(() => parseUsageQuery(query, NOW)).toThrow(
      expect.objectContaining({ code: "invalid_request", param }),
    );
  });
});
