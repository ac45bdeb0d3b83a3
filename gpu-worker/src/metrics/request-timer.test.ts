import { describe, expect, it } from "vitest";

import type { ChoiceEvent } from "../engine/choices.ts";
import { RequestTimer } from "./request-timer.ts";
import { WorkerFigures } from "./worker-figures.ts";

function timerAt(clock: { ms: number }) {
  const figures = new WorkerFigures();
  return { figures, timer: new RequestTimer(figures, () => clock.ms) };
}

function event(completionTokens: number, more: Partial<ChoiceEvent> = {}): ChoiceEvent {
  return {
    choice: 0,
    reasoning: "",
    reasoningTokens: 0,
    text: "",
    completionTokens,
    cachedTokens: 0,
    finishReason: undefined,
    ...more,
  };
}

describe("RequestTimer", () => {
  it("times the first token, each after it, and the whole request", () => {
    const clock = { ms: 1000 };
    const { figures, timer } = timerAt(clock);
    clock.ms = 1250;
    timer.note(event(1));
    clock.ms = 1450;
    timer.note(event(5)); // four tokens that a slow reader takes at once
    clock.ms = 1500;
    timer.note(event(6, { finishReason: "stop" }));
    timer.end();
    expect(timer.firstTokenSeconds).toBe(0.25);
    expect(figures.firstTokenSeconds.format("s")).toContain("s_sum 0.25\n");
    expect(figures.tokenSeconds.format("s")).toContain('s_bucket{le="0.05"} 5\n');
    expect(figures.requestSeconds.format("s")).toContain("s_sum 0.5\n");
    expect(figures).toMatchObject({ generatedTokens: 6, endings: { stop: 1, abort: 0 } });
  });

  it("times the tokens of each answer apart", () => {
    const clock = { ms: 0 };
    const { figures, timer } = timerAt(clock);
    for (const [ms, choice, tokens] of [
      [10, 0, 1],
      [90, 1, 1],
      [110, 0, 2],
      [140, 1, 2],
    ] as const) {
      clock.ms = ms;
      timer.note(event(tokens, { choice }));
    }
    expect(figures.firstTokenSeconds.format("s")).toContain("s_count 1\n");
    expect(figures.tokenSeconds.format("s")).toContain("s_sum 0.15");
    expect(figures.generatedTokens).toBe(4);
  });

  it("counts a request that is cut off by what cut it off", () => {
    const { figures, timer } = timerAt({ ms: 0 });
    timer.end("abort");
    expect(figures.endings).toMatchObject({ abort: 1, error: 0, stop: 0 });
  });
});
