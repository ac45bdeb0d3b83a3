import { setTimeout as sleep } from "node:timers/promises";

import type { JobReport } from "@qwen3-vl/shared/worker-jobs";

import type { Job } from "./job.ts";
import type { ReportOutcome } from "./post-report.ts";
import { nextReportMs, retryDelayMs } from "./report-pace.ts";
import type { ReportPace } from "./report-pace.ts";

/** Sends a report to whoever wants to hear of the job, until the signal aborts. */
export type Tell = (report: JobReport, signal: AbortSignal) => Promise<ReportOutcome>;

/** Tells how a job stands until it has ended, one report at a time. A job that nobody wants any more is aborted. */
export async function reportWhileRunning(job: Job, tell: Tell, pace: ReportPace): Promise<void> {
  const { ended } = job;
  let failures = 0;
  let told: string | undefined = job.standing; // with the answer to the call that brought it
  await pause(pace.minGapMs, ended);
  for (let silentMs = pace.minGapMs; !ended.aborted;) {
    const { standing } = job;
    if (standing === told && silentMs < pace.heartbeatMs) {
      await pause(pace.minGapMs, ended);
      silentMs += pace.minGapMs;
      continue;
    }
    const outcome = await tell(job.report(), ended);
    if (outcome === "gone" && !ended.aborted) {
      job.live.abort();
      return;
    }
    failures = outcome === "failed" ? failures + 1 : 0;
    told = outcome === "failed" ? undefined : standing;
    silentMs = nextReportMs(failures, pace);
    await pause(silentMs, ended);
  }
}

/**
 * Tells the end of a job until somebody has taken it, or says that nobody wants it.
 *
 * @param dropped aborts when the end is not kept any longer
 * @returns whether there is nobody left to be told
 */
export async function reportEnd(
  report: JobReport,
  tell: Tell,
  pace: ReportPace,
  dropped: AbortSignal,
): Promise<boolean> {
  const begun = performance.now();
  for (let failures = 1; !dropped.aborted; failures++) {
    if ((await tell(report, dropped)) !== "failed") {
      return true;
    }
    if (performance.now() - begun > pace.persistMs) {
      return false;
    }
    await pause(retryDelayMs(failures, pace, Math.random()), dropped);
  }
  return false;
}

/** Resolves after the time, or as soon as the signal aborts. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
}
