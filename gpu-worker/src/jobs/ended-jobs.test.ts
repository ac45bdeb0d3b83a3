import { NO_MEDIA } from "@qwen3-vl/shared/media-figures";
import { NO_TOKENS, toUsage } from "@qwen3-vl/shared/usage";
import type { JobReport } from "@qwen3-vl/shared/worker-jobs";
import { describe, expect, it } from "vitest";

import { EndedJobs } from "./ended-jobs.ts";

function report(id: string, text = ""): JobReport {
  return {
    id,
    sequence: 1,
    state: "answered",
    progress: { stage: "generating", frames_decoded: 0, frames_total: 0, completion_tokens: 0 },
    usage: toUsage(NO_TOKENS),
    media: NO_MEDIA,
    answer: { status: 200, body: text },
  };
}

function endedJobs(limits: Partial<{ maxJobs: number; maxBytes: number; keepTakenMs: number }>) {
  const clock = { ms: 0 };
  const all = { maxJobs: 3, maxBytes: 10_000, keepTakenMs: 1000, ...limits };
  const ended = new EndedJobs(all, () => clock.ms);
  const known = () => ["a", "b", "c", "d"].filter((id) => ended.find(id) !== undefined);
  return { clock, ended, known };
}

describe("EndedJobs", () => {
  it("keeps an end until it is taken, and for a while beyond", () => {
    const { clock, ended, known } = endedJobs({});
    ended.keep(report("a"));
    clock.ms = 1e6;
    expect(known()).toEqual(["a"]);
    ended.take("a");
    clock.ms += 999;
    expect(known()).toEqual(["a"]);
    clock.ms += 1;
    expect(known()).toEqual([]);
  });

  it("of too many gives up those first that were taken, then the oldest, and tells that", () => {
    const { ended, known } = endedJobs({});
    const dropped = ["a", "b", "c"].map((id) => ended.keep(report(id)));
    ended.take("b");
    ended.keep(report("d"));
    expect(known()).toEqual(["a", "c", "d"]);
    ended.keep(report("e"));
    expect(known()).toEqual(["c", "d"]);
    expect(dropped.map(({ aborted }) => aborted)).toEqual([true, true, false]);
  });

  it("bounds the bytes of all together", () => {
    const { ended, known } = endedJobs({});
    ended.keep(report("a", "x".repeat(6000)));
    ended.keep(report("b", "ä".repeat(3000)));
    expect(known()).toEqual(["b"]);
  });

  it("drops all when nobody is told any more", () => {
    const { ended, known } = endedJobs({});
    const dropped = ended.keep(report("a"));
    ended.dropAll();
    expect([known(), dropped.aborted]).toEqual([[], true]);
  });
});
