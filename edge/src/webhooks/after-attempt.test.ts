import { describe, expect, it } from "vitest";

import { afterAttempt } from "./after-attempt.ts";
import type { Outcome } from "./after-attempt.ts";
import { MAX_ATTEMPTS } from "./retry-schedule.ts";

const NOW = 1_790_000_000_000;
const DAY = 86_400_000;
const OK: Outcome = { statusCode: 204, error: null };
const FAULT: Outcome = { statusCode: 500, error: "its server answered with status 500" };
const GONE: Outcome = { statusCode: 410, error: "its server answered with status 410" };

function after(outcome: Outcome, { number = 1, failingSince = null as number | null } = {}) {
  const endpoint = {
    id: "we_1",
    url: "https://hooks.example/",
    secret: "",
    previousSecret: null,
    previousExpiresAt: null,
    failingSince,
  };
  return afterAttempt({ endpoint }, { number, endedAt: NOW, outcome }, 0);
}

describe("an attempt", () => {
  it("that succeeds ends its delivery and the endpoint's failing", () => {
    expect(after(OK, { failingSince: NOW - 4 * DAY })).toEqual({
      status: "delivered",
      nextAt: null,
      failingSince: null,
      disabledReason: null,
    });
  });

  it("that fails is followed by another, and the endpoint is failing from then on", () => {
    expect(after(FAULT)).toMatchObject({ status: "pending", nextAt: NOW + 5000 });
    expect(after(FAULT).failingSince).toBe(NOW);
    expect(after(FAULT, { failingSince: NOW - DAY })).toMatchObject({
      failingSince: NOW - DAY,
      disabledReason: null,
    });
  });

  it("that was the last one fails the delivery", () => {
    const last = after(FAULT, { number: MAX_ATTEMPTS });
    expect(last).toMatchObject({ status: "failed", nextAt: null, disabledReason: null });
  });

  it("answered with 410 disables the endpoint, and the delivery waits", () => {
    expect(after(GONE)).toMatchObject({
      status: "pending",
      nextAt: null,
      disabledReason: "Its server answered 410 Gone.",
    });
  });

  it("that fails five days after the first failure disables the endpoint", () => {
    const { disabledReason } = after(FAULT, { failingSince: NOW - 5 * DAY });
    expect(disabledReason).toContain("No delivery has succeeded for five days");
    expect(after(FAULT, { failingSince: NOW - 5 * DAY + 1 }).disabledReason).toBeNull();
  });
});
