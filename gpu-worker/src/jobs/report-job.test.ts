import { WorkerJob } from "@qwen3-vl/shared/worker-jobs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { LiveRequest } from "../server/request-registry.ts";
import { SECRET } from "../server/test-worker.ts";
import { Job } from "./job.ts";
import { postReport } from "./post-report.ts";
import { reportEnd, reportWhileRunning } from "./report-job.ts";
import type { Tell } from "./report-job.ts";
import { QUICK_PACE, TestReceiver } from "./test-receiver.ts";

let receiver: TestReceiver;
beforeEach(async () => {
  receiver = await TestReceiver.start();
});
afterEach(() => receiver[Symbol.asyncDispose]());

function newJob(): Job {
  const request = WorkerJob.parse({ id: "a", tenant: "t", body: {}, report_to: receiver.url });
  return new Job(request, new LiveRequest("a"), { bytes: 1, traceparent: undefined });
}

const tellWith =
  (timeoutMs: number): Tell =>
  (report, signal) =>
    postReport(report, { url: receiver.url, secret: SECRET, timeoutMs }, signal);
const tell: Tell = (report, signal) => tellWith(15_000)(report, signal);

const never = new AbortController().signal;
const answer = { status: 200, body: { choices: [] } };

/** Of a job that was answered. */
const lastReport = () => newJob().end({ state: "answered", answer });

describe("reports of a job that runs", () => {
  it("come when something has changed, numbered, one at a time", async () => {
    const held: (() => void)[] = [];
    receiver.receive = (response) => held.push(() => response.end());
    const job = newJob();
    const reporting = reportWhileRunning(job, tell, { ...QUICK_PACE, heartbeatMs: 60_000 });
    job.begin();
    await expect.poll(() => held.length).toBe(1);
    job.live.counts.completion = 5;
    await new Promise((resolve) => setTimeout(resolve, 10 * QUICK_PACE.minGapMs));
    expect(held.length).toBe(1); // the slow one is waited for
    held[0]?.();
    await expect.poll(() => held.length).toBe(2);
    held[1]?.();
    job.end({ state: "answered", answer });
    await reporting;
    expect(receiver.mostOpen).toBe(1);
    expect(receiver.reports).toMatchObject([
      { sequence: 0, state: "running", progress: { completion_tokens: 0 } },
      { sequence: 1, state: "running", progress: { completion_tokens: 5 } },
    ]);
  });

  it("come now and then though nothing changes", async () => {
    const job = newJob();
    const reporting = reportWhileRunning(job, tell, QUICK_PACE);
    await expect.poll(() => receiver.reports.length).toBeGreaterThan(2);
    job.end({ state: "aborted", answer: null });
    await reporting;
  });

  it("do not come while nothing changes and the last one is fresh", async () => {
    const job = newJob();
    const reporting = reportWhileRunning(job, tell, { ...QUICK_PACE, heartbeatMs: 60_000 });
    await new Promise((resolve) => setTimeout(resolve, 10 * QUICK_PACE.minGapMs));
    job.end({ state: "aborted", answer: null });
    await reporting;
    expect(receiver.reports).toEqual([]);
  });

  it.each([404, 410])("abort it when nobody wants to hear of it (%i)", async (status) => {
    receiver.receive = (response) => response.writeHead(status).end();
    const job = newJob();
    await reportWhileRunning(job, tell, QUICK_PACE);
    expect(job.live.signal.aborted).toBe(true);
  });

  it("go on after failures", async () => {
    receiver.receive = (response, { sequence }) => {
      if (sequence < 3) {
        response.writeHead(500);
      }
      response.end();
    };
    const job = newJob();
    const reporting = reportWhileRunning(job, tell, QUICK_PACE);
    await expect.poll(() => receiver.last?.sequence).toBeGreaterThan(3);
    expect(job.live.signal.aborted).toBe(false);
    job.end({ state: "aborted", answer: null });
    await reporting;
  });

  it("do not keep the end waiting, however slow whoever takes them is", async () => {
    receiver.receive = () => undefined;
    const job = newJob();
    const reporting = reportWhileRunning(job, tell, QUICK_PACE);
    await expect.poll(() => receiver.open).toBe(1);
    job.end({ state: "answered", answer });
    await reporting;
    await expect.poll(() => receiver.open).toBe(0);
  });
});

describe("the end of a job", () => {
  it("is told once to whoever takes it", async () => {
    const report = lastReport();
    expect(await reportEnd(report, tell, QUICK_PACE, never)).toBe(true);
    expect(receiver.reports).toEqual([report]);
  });

  it.each([
    ["refuses it", (status: number) => ({ status, headers: {} })],
    ["sends it elsewhere", () => ({ status: 307, headers: { Location: "/elsewhere" } })],
  ])("is told again, word for word, to whoever %s", async (_, answerOf) => {
    receiver.receive = (response) => {
      const { status, headers } = receiver.reports.length < 4 ? answerOf(503) : answerOf(204);
      response.writeHead(receiver.reports.length < 4 ? status : 204, headers).end();
    };
    const report = lastReport();
    expect(await reportEnd(report, tell, QUICK_PACE, never)).toBe(true);
    expect(receiver.reports).toEqual([report, report, report, report]);
  });

  it("is told again when the answer to it is lost, under the same number", async () => {
    receiver.receive = (response) => {
      if (receiver.reports.length === 1) {
        response.destroy();
      } else {
        response.end();
      }
    };
    const report = lastReport();
    expect(await reportEnd(report, tell, QUICK_PACE, never)).toBe(true);
    expect(receiver.reports).toEqual([report, report]);
  });

  it("is told again to whoever takes longer than the time for it", async () => {
    receiver.receive = (response) => {
      if (receiver.reports.length > 1) {
        response.end();
      }
    };
    expect(await reportEnd(lastReport(), tellWith(100), QUICK_PACE, never)).toBe(true);
    expect(receiver.mostOpen).toBe(1);
  });

  it("waits for whoever is away", async () => {
    receiver.stop();
    const report = lastReport();
    const told = reportEnd(report, tell, QUICK_PACE, never);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await receiver.start();
    expect(await told).toBe(true);
    expect(receiver.reports).toEqual([report]);
  });

  it.each([404, 410])("is not told again where nobody wants it (%i)", async (status) => {
    receiver.receive = (response) => response.writeHead(status).end();
    expect(await reportEnd(lastReport(), tell, QUICK_PACE, never)).toBe(true);
    expect(receiver.reports).toHaveLength(1);
  });

  it("is given up when it is not kept any longer, or has been told for too long", async () => {
    receiver.receive = (response) => response.writeHead(500).end();
    const dropped = new AbortController();
    const told = reportEnd(lastReport(), tell, QUICK_PACE, dropped.signal);
    await expect.poll(() => receiver.reports.length).toBeGreaterThan(1);
    dropped.abort();
    expect(await told).toBe(false);
    const pace = { ...QUICK_PACE, persistMs: 0 };
    expect(await reportEnd(lastReport(), tell, pace, never)).toBe(false);
  });

  it("does not read more of an answer than there may be", async () => {
    receiver.receive = (response) => {
      const writeOn = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) {
          // until the connection is full
        }
      };
      response.on("drain", writeOn);
      writeOn();
    };
    expect(await reportEnd(lastReport(), tell, QUICK_PACE, never)).toBe(true);
    await expect.poll(() => receiver.open).toBe(0);
  });
});
