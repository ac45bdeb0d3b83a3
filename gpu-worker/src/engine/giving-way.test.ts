import { describe, expect, it } from "vitest";

import { givingWay } from "./giving-way.ts";

const job = (turn: number, lentTokens: number) =>
  ({ priority: "batch", turn, lentTokens }) as const;
const chat = (turn: number, lentTokens: number) =>
  ({ priority: "interactive", turn, lentTokens }) as const;
const wanted = { priority: "interactive", turn: 5, tokens: 100 } as const;

describe("givingWay", () => {
  it("asks nobody while there is room", () => {
    expect(givingWay(wanted, [job(9, 100)], { slots: 1, tokens: 100 })).toEqual([]);
  });

  it("asks as few jobs as it takes, the last in line first", () => {
    const [first, second, third] = [job(6, 50), job(7, 50), job(8, 60)];
    const running = [first, second, third];
    expect(givingWay(wanted, running, { slots: 0, tokens: 100 })).toEqual([third]);
    expect(givingWay(wanted, running, { slots: 1, tokens: 0 })).toEqual([third, second]);
  });

  it("asks nobody in vain", () => {
    const running = [chat(1, 900), job(8, 60)];
    expect(givingWay(wanted, running, { slots: 1, tokens: 0 })).toEqual([]);
  });

  it("asks no job that has waited longer, and nobody for a job", () => {
    expect(givingWay(wanted, [job(4, 100)], { slots: 0, tokens: 0 })).toEqual([]);
    const waitingJob = { ...wanted, priority: "batch" } as const;
    expect(givingWay(waitingJob, [job(9, 100)], { slots: 0, tokens: 0 })).toEqual([]);
  });

  it("asks nobody for whom somebody waits too", () => {
    expect(givingWay(wanted, [chat(9, 100)], { slots: 0, tokens: 0 })).toEqual([]);
  });
});
