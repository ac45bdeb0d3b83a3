import type { DueDelivery, Verdict } from "./due-deliveries.ts";
import { nextAttemptAt } from "./retry-schedule.ts";

/** How an attempt ended. */
export interface Outcome {
  /** Null where no answer came. */
  statusCode: number | null;
  /** In words, where it failed. */
  error: string | null;
  /** What the receiver asked for; undefined where it asked for nothing. */
  retryAfterMs?: number | undefined;
}

export interface EndedAttempt {
  /** From 1. */
  number: number;
  /** Milliseconds since 1970. */
  endedAt: number;
  outcome: Outcome;
}

const GONE = 410;

/** Longer than any delivery is tried. */
const MAX_FAILING_MS = 5 * 86_400_000;

/**
 * What an attempt makes of its delivery and its endpoint. An endpoint is disabled when its receiver says
 * that it is gone, or when nothing has succeeded for five days.
 *
 * @param random from 0 to 1
 */
export function afterAttempt(
  { endpoint }: Pick<DueDelivery, "endpoint">,
  { number, endedAt, outcome }: EndedAttempt,
  random: number,
): Verdict {
  const { error, statusCode, retryAfterMs } = outcome;
  if (error === null) {
    return { status: "delivered", nextAt: null, failingSince: null, disabledReason: null };
  }
  const failingSince = endpoint.failingSince ?? endedAt;
  if (statusCode === GONE) {
    const disabledReason = "Its server answered 410 Gone.";
    return { status: "pending", nextAt: null, failingSince, disabledReason };
  }
  const nextAt = nextAttemptAt({ number, endedAt, retryAfterMs }, random) ?? null;
  const isHopeless = endedAt - failingSince >= MAX_FAILING_MS;
  return {
    status: nextAt === null ? "failed" : "pending",
    nextAt,
    failingSince,
    disabledReason: isHopeless ? `No delivery has succeeded for five days; last, ${error}.` : null,
  };
}
