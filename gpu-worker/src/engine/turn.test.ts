import { describe, expect, it } from "vitest";

import { BATCH_DELAY_MS, insertByTurn, turnOf } from "./turn.ts";

describe("turnOf", () => {
  it("lets a job give way to who comes within the delay, and to nobody after it", () => {
    const job = turnOf(0, "batch");
    expect(turnOf(BATCH_DELAY_MS - 1, "interactive")).toBeLessThan(job);
    expect(turnOf(BATCH_DELAY_MS + 1, "interactive")).toBeGreaterThan(job);
    expect(turnOf(1, "batch")).toBeGreaterThan(job);
  });
});

describe("insertByTurn", () => {
  it("keeps a line in order, those of one turn in order of their coming", () => {
    const line: { turn: number; name: string }[] = [];
    for (const [name, turn] of [
      ["b", 2],
      ["a", 1],
      ["d", 3],
      ["c", 2],
    ] as const) {
      insertByTurn(line, { name, turn });
    }
    expect(line.map(({ name }) => name)).toEqual(["a", "b", "c", "d"]);
  });
});
