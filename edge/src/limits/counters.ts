import * as z from "zod";

import type { KeyLimits } from "../keys/key-settings.ts";
import type { Amounts } from "./amounts.ts";
import { pour } from "./bucket.ts";
import { LIMITS } from "./limits.ts";

const Bucket = z.object({ used: z.number(), at: z.int() });

/** What a key has used: of each minute, running out, and of the month. */
export const Counters = z.object({
  minute: z.object({
    requests: Bucket,
    tokens: Bucket,
    pixels: Bucket,
    videoMs: Bucket,
    frames: Bucket,
  }),
  /** Of the month in which something was last used, such as `2026-11`. */
  month: z.object({ name: z.string(), tokens: z.int(), costMicros: z.int() }),
});
export type Counters = z.infer<typeof Counters>;

export function emptyCounters(now: number): Counters {
  const empty = { used: 0, at: now };
  return {
    minute: { requests: empty, tokens: empty, pixels: empty, videoMs: empty, frames: empty },
    month: { name: monthOf(now), tokens: 0, costMicros: 0 },
  };
}

/** The calendar's month in UTC, such as `2026-11`. */
export function monthOf(time: number): string {
  return new Date(time).toISOString().slice(0, 7);
}

/** When the month of a time ends. */
export function endOfMonth(time: number): number {
  const date = new Date(time);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

/**
 * The counters after using so much more, or less where a reservation is corrected. What was reserved
 * in another month than the counters' is that month's business, which is over.
 */
export function count(
  counters: Counters,
  amounts: Amounts,
  limits: KeyLimits,
  { now, month }: { now: number; month: string },
): Counters {
  const { minute } = counters;
  const poured = (measure: keyof Counters["minute"]) =>
    pour(minute[measure], amounts[measure], minuteLimit(limits, measure), now);
  const kept =
    counters.month.name < month ? { name: month, tokens: 0, costMicros: 0 } : counters.month;
  const isOfMonth = kept.name === month;
  return {
    minute: {
      requests: poured("requests"),
      tokens: poured("tokens"),
      pixels: poured("pixels"),
      videoMs: poured("videoMs"),
      frames: poured("frames"),
    },
    month: {
      name: kept.name,
      tokens: kept.tokens + (isOfMonth ? amounts.tokens : 0),
      costMicros: kept.costMicros + (isOfMonth ? amounts.costMicros : 0),
    },
  };
}

/** Without a limit nothing is held back, so everything has run out at once. */
function minuteLimit(limits: KeyLimits, measure: keyof Counters["minute"]): number {
  const limit = LIMITS.find((each) => each.window === "minute" && each.measure === measure);
  const value = limit === undefined ? undefined : limits[limit.setting];
  return value === undefined || limit === undefined ? Infinity : value * limit.scale;
}
