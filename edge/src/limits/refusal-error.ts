import { ApiError } from "@qwen3-vl/shared/errors";

import type { Refusal } from "./decide.ts";

/** The 429 that tells which limit it was, how much there is, and when to come again. */
export function toRefusalError(refusal: Refusal): ApiError {
  const { window, noun, retryAfterMs } = refusal;
  const isMonthly = window === "month";
  const code = isMonthly ? "insufficient_quota" : "rate_limit_exceeded";
  const [quota, wanted, left] = [refusal.quota, refusal.wanted, refusal.remaining].map(shown);
  if (window === "running") {
    return new ApiError(
      code,
      `Limit ${refusal.name}: the key may have ${quota} requests answered at once, and has. Try again when one has ended.`,
      { retryAfterSeconds: toSeconds(retryAfterMs ?? 0) },
    );
  }
  const per = isMonthly ? "month" : "minute";
  const asked = `Limit ${refusal.name}: ${quota} ${noun} per ${per}, ${left} left, the request needs up to ${wanted}.`;
  return retryAfterMs === undefined
    ? new ApiError(code, `${asked} It is too large for the key; ask for less.`)
    : new ApiError(code, `${asked} Try again in ${toSeconds(retryAfterMs)} s.`, {
        retryAfterSeconds: toSeconds(retryAfterMs),
      });
}

function toSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}

/** Money to the millionth, everything else in whole units or thousandths. */
function shown(amount: number): string {
  return String(Number(amount.toFixed(amount < 1 ? 6 : 3)));
}
