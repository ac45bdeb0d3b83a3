import type { KeyLimits } from "../keys/key-settings.ts";
import type { Amounts } from "./amounts.ts";
import { BUCKET_WINDOW_MS, msUntilOut, usedAt } from "./bucket.ts";
import { endOfMonth, monthOf } from "./counters.ts";
import type { Counters } from "./counters.ts";
import { LIMITS } from "./limits.ts";
import type { Limit } from "./limits.ts";

/** What a key uses at a moment. */
export interface KeyState {
  counters: Counters;
  /** Requests that are being answered. */
  running: number;
  now: number;
}

/** How a key stands with one of its limits; quota and what remains in the limit's own unit. */
export interface Standing {
  name: string;
  window: Limit["window"];
  quota: number;
  remaining: number;
  /** Milliseconds until all of the quota is there again, if nothing more is used; 0 where nobody knows. */
  resetMs: number;
}

/** Why a request is not let in. */
export interface Refusal extends Pick<Standing, "name" | "window" | "quota" | "remaining"> {
  noun: string;
  /** What the request would use. */
  wanted: number;
  /** Milliseconds after which it would be let in, if nothing else is; undefined where it is too large ever to be. */
  retryAfterMs: number | undefined;
}

/** How a key stands with each limit that it has. */
export function standings(limits: KeyLimits, state: KeyState): Standing[] {
  return LIMITS.flatMap((limit): Standing[] => {
    const quota = limits[limit.setting];
    if (quota === undefined) {
      return [];
    }
    const used = usedOf(limit, quota, state) / limit.scale;
    const remaining = Math.max(0, quota - used);
    return [
      {
        name: limit.name,
        window: limit.window,
        quota,
        remaining: limit.measure === "costMicros" ? remaining : Math.floor(remaining),
        resetMs: resetMs(limit, { used, quota }, state.now),
      },
    ];
  });
}

/** Why a request that uses so much is not let in, by the limit that lasts longest; undefined when it is. */
export function refusalOf(
  limits: KeyLimits,
  state: KeyState,
  amounts: Amounts,
): Refusal | undefined {
  const refusals = LIMITS.flatMap((limit): Refusal[] => {
    const quota = limits[limit.setting];
    const amount = amounts[limit.measure];
    if (quota === undefined || amount === 0) {
      return [];
    }
    const scaled = quota * limit.scale;
    const over = usedOf(limit, quota, state) + amount - scaled;
    if (over <= TOLERANCE) {
      return [];
    }
    const { scale, name, window, noun } = limit;
    return [
      {
        name,
        window,
        noun,
        quota,
        remaining: Math.max(0, (scaled - usedOf(limit, quota, state)) / scale),
        wanted: amount / scale,
        retryAfterMs: waitMs(limit, { over, amount, scaled }, state.now),
      },
    ];
  });
  return refusals.toSorted(
    (a, b) => (b.retryAfterMs ?? Infinity) - (a.retryAfterMs ?? Infinity),
  )[0];
}

/** Buckets run out in fractions, whose sums are a little off. */
const TOLERANCE = 1e-6;

/** Nobody knows when a running request will end. */
const RUNNING_RETRY_MS = 1000;

/**
 * What is set aside for a request. One whose answer nothing bounds is let in as long as anything is
 * left, and takes what is left at most: else it could only be refused.
 */
export function toReserve(
  limits: KeyLimits,
  state: KeyState,
  amounts: Amounts,
  isOpenEnded: boolean,
): Amounts {
  if (!isOpenEnded) {
    return amounts;
  }
  const { tokens_per_minute: perMinute, tokens_per_month: perMonth, cost_per_month: cost } = limits;
  const month = monthState(state);
  const left = {
    tokens: Math.min(perMinute ?? Infinity, (perMonth ?? Infinity) - month.tokens),
    costMicros: (cost ?? Infinity) * 1e6 - month.costMicros,
  };
  return {
    ...amounts,
    tokens: atMost(amounts.tokens, left.tokens),
    costMicros: atMost(amounts.costMicros, left.costMicros),
  };
}

/** At least one: where nothing is left, that is refused. */
function atMost(amount: number, most: number): number {
  return Math.min(amount, Math.max(1, Math.floor(most)));
}

/** In units of the measure. */
function usedOf(limit: Limit, quota: number, { counters, running, now }: KeyState): number {
  const { measure, scale, window } = limit;
  if (window === "running") {
    return running;
  }
  if (measure === "costMicros") {
    return monthState({ counters, now }).costMicros;
  }
  return window === "minute"
    ? usedAt(counters.minute[measure], quota * scale, now)
    : monthState({ counters, now }).tokens;
}

function monthState({ counters: { month }, now }: Pick<KeyState, "counters" | "now">) {
  return month.name < monthOf(now) ? { tokens: 0, costMicros: 0 } : month;
}

function resetMs(
  { window }: Limit,
  { used, quota }: { used: number; quota: number },
  now: number,
): number {
  switch (window) {
    case "minute":
      return msUntilOut(used, quota);
    case "month":
      return endOfMonth(now) - now;
    case "running":
      return 0;
  }
}

function waitMs(
  { window }: Limit,
  { over, amount, scaled }: { over: number; amount: number; scaled: number },
  now: number,
): number | undefined {
  if (amount > scaled) {
    return undefined;
  }
  switch (window) {
    case "minute":
      return Math.min(msUntilOut(over, scaled), MAX_WAIT_MS);
    case "month":
      return endOfMonth(now) - now;
    case "running":
      return RUNNING_RETRY_MS;
  }
}

/** Answers that were longer than expected may take more than a window; asking once an hour costs nothing. */
const MAX_WAIT_MS = 60 * BUCKET_WINDOW_MS;
