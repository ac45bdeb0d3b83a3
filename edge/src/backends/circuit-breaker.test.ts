import { describe, expect, it } from "vitest";

import { HEALTHY, afterFailure, stateOf } from "./circuit-breaker.ts";
import type { Circuit } from "./circuit-breaker.ts";

function failed(times: number): Circuit {
  return Array.from({ length: times }).reduce<Circuit>(
    (circuit) => afterFailure(circuit, 0),
    HEALTHY,
  );
}

describe("a circuit", () => {
  it("stays closed after two failures and opens with the third", () => {
    expect(stateOf(failed(2), 0)).toBe("closed");
    expect(stateOf(failed(3), 0)).toBe("open");
  });

  it("is half open after its time", () => {
    expect(stateOf(failed(3), 4999)).toBe("open");
    expect(stateOf(failed(3), 5000)).toBe("half_open");
  });

  it("opens for twice as long with each further failure, up to a minute", () => {
    expect([3, 4, 5, 6, 7, 60].map((times) => failed(times).openUntil)).toEqual([
      5000, 10_000, 20_000, 40_000, 60_000, 60_000,
    ]);
  });
});
