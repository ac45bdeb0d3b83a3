import { HEARTBEAT_MS } from "@qwen3-vl/shared/worker-jobs";

/** When the reports of a job are sent. */
export interface ReportPace {
  /** Least time from one report to the next. */
  minGapMs: number;
  /** Longest time without one, of a job that has not ended. */
  heartbeatMs: number;
  /** For whoever takes it to answer. */
  timeoutMs: number;
  firstRetryMs: number;
  maxRetryMs: number;
  /** For so long the last report is sent again. */
  persistMs: number;
}

export const REPORT_PACE: ReportPace = {
  minGapMs: 1000,
  heartbeatMs: HEARTBEAT_MS,
  timeoutMs: 15_000,
  firstRetryMs: 200,
  maxRetryMs: 60_000,
  persistMs: 3_600_000,
};

/**
 * Time before the last report is sent again: twice as long after each failure, and up to a half
 * shorter, so that the jobs of a worker do not all come back at once to an edge that was away.
 *
 * @param failures so far, from 1
 * @param random from 0 to 1
 */
export function retryDelayMs(
  failures: number,
  { firstRetryMs, maxRetryMs }: Pick<ReportPace, "firstRetryMs" | "maxRetryMs">,
  random: number,
): number {
  return Math.min(maxRetryMs, firstRetryMs * 2 ** (failures - 1)) * (1 - random / 2);
}

/**
 * Time from a report before the end to the next one that may be sent. An edge that does not take them
 * is asked less and less often, as often as it would be told of nothing new at last.
 *
 * @param failures since a report was taken
 */
export function nextReportMs(failures: number, { minGapMs, heartbeatMs }: ReportPace): number {
  return Math.min(heartbeatMs, minGapMs * 2 ** failures);
}
