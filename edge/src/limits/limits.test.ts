import { describe, expect, it } from "vitest";

import type { KeyLimits } from "../keys/key-settings.ts";
import type { Amounts } from "./amounts.ts";
import { count, emptyCounters, monthOf } from "./counters.ts";
import { refusalOf, standings, toReserve } from "./decide.ts";
import type { KeyState } from "./decide.ts";
import { rateLimitHeaders } from "./rate-limit-headers.ts";
import { toRefusalError } from "./refusal-error.ts";

const NOW = Date.UTC(2026, 10, 24, 12);
const NOTHING: Amounts = {
  requests: 0,
  tokens: 0,
  pixels: 0,
  videoMs: 0,
  frames: 0,
  costMicros: 0,
};
const ONE = { ...NOTHING, requests: 1 };

function fresh(now = NOW): KeyState {
  return { counters: emptyCounters(now), running: 0, now };
}

/** The state after requests of these amounts, all at once. */
function after(limits: KeyLimits, ...amounts: readonly Amounts[]): KeyState {
  let { counters } = fresh();
  for (const each of amounts) {
    counters = count(counters, each, limits, { now: NOW, month: monthOf(NOW) });
  }
  return { ...fresh(), counters, running: amounts.length };
}

const later = (state: KeyState, now: number): KeyState => ({ ...state, now });

describe("a limit per minute", () => {
  const limits = { requests_per_minute: 2 };

  it("lets in so many requests, and the next when one has run out", () => {
    expect(refusalOf(limits, after(limits, ONE), ONE)).toBeUndefined();
    const full = after(limits, ONE, ONE);
    const refusal = refusalOf(limits, full, ONE);
    expect(refusal).toMatchObject({ name: "requests", quota: 2, remaining: 0, wanted: 1 });
    expect(refusal?.retryAfterMs).toBe(30_000);
    expect(refusalOf(limits, later(full, NOW + 29_999), ONE)).toBeDefined();
    expect(refusalOf(limits, later(full, NOW + 30_000), ONE)).toBeUndefined();
  });

  it("never lets in what is larger than itself, and says so", () => {
    const wide = { pixels_per_minute: 1000 };
    const refusal = refusalOf(wide, fresh(), { ...ONE, pixels: 1001 });
    expect(refusal?.retryAfterMs).toBeUndefined();
  });

  it("counts video in milliseconds and tells it in seconds", () => {
    const seconds = { video_seconds_per_minute: 10 };
    const state = after(seconds, { ...ONE, videoMs: 2500 });
    expect(standings(seconds, state)).toMatchObject([{ remaining: 7, quota: 10 }]);
    expect(refusalOf(seconds, state, { ...ONE, videoMs: 8000 })).toMatchObject({ wanted: 8 });
  });

  it.each(["pixels", "frames", "tokens"] as const)("counts %s", (measure) => {
    const own: KeyLimits = { [`${measure}_per_minute`]: 100 };
    const state = after(own, { ...ONE, [measure]: 80 });
    expect(refusalOf(own, state, { ...ONE, [measure]: 20 })).toBeUndefined();
    expect(refusalOf(own, state, { ...ONE, [measure]: 21 })).toMatchObject({ name: measure });
  });

  it("gives back what was reserved and not used", () => {
    const tokens = { tokens_per_minute: 100 };
    const reserved = after(tokens, { ...ONE, tokens: 90 });
    const settled = count(reserved.counters, { ...NOTHING, tokens: -80 }, tokens, {
      now: NOW,
      month: monthOf(NOW),
    });
    expect(refusalOf(tokens, { ...reserved, counters: settled }, { ...ONE, tokens: 90 })).toBe(
      undefined,
    );
  });
});

describe("a limit of requests at once", () => {
  it("counts those that are being answered", () => {
    const limits = { concurrent_requests: 1 };
    expect(refusalOf(limits, fresh(), ONE)).toBeUndefined();
    expect(refusalOf(limits, { ...fresh(), running: 1 }, ONE)).toMatchObject({ window: "running" });
  });
});

describe("a monthly budget", () => {
  const limits = { tokens_per_month: 1000, cost_per_month: 0.5 };

  it("lasts until the calendar's month ends, in UTC", () => {
    const spent = after(limits, { ...ONE, tokens: 990 });
    const wanted = { ...ONE, tokens: 20 };
    const refusal = refusalOf(limits, spent, wanted);
    expect(refusal?.retryAfterMs).toBe(Date.UTC(2026, 11, 1) - NOW);
    expect(refusalOf(limits, later(spent, Date.UTC(2026, 11, 1)), wanted)).toBeUndefined();
  });

  it("is kept in millionths of money", () => {
    const spent = after(limits, { ...ONE, costMicros: 499_999 });
    expect(refusalOf(limits, spent, { ...ONE, costMicros: 1 })).toBeUndefined();
    expect(refusalOf(limits, spent, { ...ONE, costMicros: 2 })).toMatchObject({
      name: "monthly-cost",
    });
  });

  it("is not charged for a correction of the month before", () => {
    const december = Date.UTC(2026, 11, 1);
    const now = { now: december, month: "2026-12" };
    const counters = count(fresh().counters, { ...ONE, tokens: 5 }, limits, now);
    const corrected = count(counters, { ...NOTHING, tokens: 7 }, limits, {
      now: december,
      month: "2026-11",
    });
    expect(corrected.month).toEqual({ name: "2026-12", tokens: 5, costMicros: 0 });
  });
});

describe("what is reserved for an answer that nothing bounds", () => {
  const amounts = { ...ONE, tokens: 5000, costMicros: 900 };

  it("is what the limits leave, at most", () => {
    const limits = { tokens_per_minute: 3000, cost_per_month: 0.0005 };
    expect(toReserve(limits, fresh(), amounts, true)).toMatchObject({
      tokens: 3000,
      costMicros: 500,
    });
    expect(toReserve(limits, fresh(), amounts, false)).toBe(amounts);
    expect(toReserve({}, fresh(), amounts, true)).toEqual(amounts);
  });

  it("is refused where nothing is left", () => {
    const limits = { tokens_per_month: 100 };
    const spent = after(limits, { ...ONE, tokens: 100 });
    const reserved = toReserve(limits, spent, amounts, true);
    expect(refusalOf(limits, spent, reserved)).toMatchObject({ name: "monthly-tokens" });
  });
});

describe("several limits", () => {
  it("refuse by the one that lasts longest", () => {
    const limits = { requests_per_minute: 1, tokens_per_month: 10, concurrent_requests: 1 };
    const state = after(limits, { ...ONE, tokens: 10 });
    expect(refusalOf(limits, state, { ...ONE, tokens: 1 })?.name).toBe("monthly-tokens");
  });
});

describe("headers", () => {
  it("tell each limit as the IETF's draft has it, requests and tokens as OpenAI does", () => {
    const limits = {
      requests_per_minute: 60,
      tokens_per_minute: 1000,
      concurrent_requests: 4,
      cost_per_month: 2.5,
    };
    const state = after(limits, { ...ONE, tokens: 100, costMicros: 1 });
    const headers = Object.fromEntries(rateLimitHeaders(standings(limits, state), NOW));
    expect(headers).toEqual({
      "RateLimit-Policy":
        '"requests";q=60;w=60, "tokens";q=1000;qu="tokens";w=60, "concurrent-requests";q=4;qu="concurrent-requests", "monthly-cost";q=2500000;qu="micro-units";w=2592000',
      RateLimit:
        '"requests";r=59;t=1, "tokens";r=900;t=6, "concurrent-requests";r=3, "monthly-cost";r=2499999;t=561600',
      "x-ratelimit-limit-requests": "60",
      "x-ratelimit-remaining-requests": "59",
      "x-ratelimit-reset-requests": "1s",
      "x-ratelimit-limit-tokens": "1000",
      "x-ratelimit-remaining-tokens": "900",
      "x-ratelimit-reset-tokens": "6s",
    });
  });

  it("are absent where there is no limit", () => {
    expect(rateLimitHeaders(standings({}, fresh()), NOW)).toEqual([]);
  });
});

describe("a refusal", () => {
  it("says which limit it was, how much there is, and when to come again", () => {
    const limits = { tokens_per_minute: 100, tokens_per_month: 50 };
    const minute = { tokens_per_minute: 100 };
    const refused = refusalOf(minute, after(minute, { ...ONE, tokens: 70 }), {
      ...ONE,
      tokens: 60,
    });
    expect(refused && toRefusalError(refused)).toMatchObject({
      code: "rate_limit_exceeded",
      message:
        "Limit tokens: 100 tokens per minute, 30 left, the request needs up to 60. Try again in 18 s.",
      retryAfterSeconds: 18,
    });
    const spent = refusalOf(limits, after(limits, { ...ONE, tokens: 50 }), { ...ONE, tokens: 1 });
    expect(spent && toRefusalError(spent)).toMatchObject({ code: "insufficient_quota" });
    const never = refusalOf(minute, fresh(), { ...ONE, tokens: 101 });
    expect(never && toRefusalError(never).headers).toEqual({});
  });
});
