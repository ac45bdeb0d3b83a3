import { Histogram } from "@qwen3-vl/shared/histogram";

import type { EngineObserver } from "../engine/engine-observer.ts";

/** How a request's answers ended. */
export type Ending = "stop" | "length" | "tool_calls" | "abort" | "error";

/** vLLM's bounds where it has the figure. */
const FIRST_TOKEN_BOUNDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
  160, 640, 2560,
];
const TOKEN_BOUNDS = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
];
const REQUEST_BOUNDS = [
  0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
];
/** Of what a small model does within a millisecond and a large one within minutes. */
const WORK_BOUNDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120,
];

/** What a worker has done since it started. */
export class WorkerFigures {
  readonly firstTokenSeconds = new Histogram(FIRST_TOKEN_BOUNDS);
  readonly tokenSeconds = new Histogram(TOKEN_BOUNDS);
  readonly requestSeconds = new Histogram(REQUEST_BOUNDS);
  readonly queueSeconds = new Histogram(REQUEST_BOUNDS);
  /** Of steps that ran a chunk of a prompt: what answers beside it wait for. */
  readonly prefillStepSeconds = new Histogram(WORK_BOUNDS);
  readonly decodeStepSeconds = new Histogram(WORK_BOUNDS);
  /** Of decoding, sampling and resizing a medium. */
  readonly mediaSeconds = new Histogram(WORK_BOUNDS);
  readonly encodeSeconds = new Histogram(WORK_BOUNDS);
  readonly endings: Record<Ending, number> = {
    stop: 0,
    length: 0,
    tool_calls: 0,
    abort: 0,
    error: 0,
  };
  generatedTokens = 0;
  pictures = 0;
  videoFrames = 0;
  mediaQueries = 0;
  mediaHits = 0;
  /** Reports of jobs that were not taken at once. */
  jobReportsFailed = 0;

  /** What the engine tells. */
  readonly observer: EngineObserver = {
    started: (waitedMs) => this.queueSeconds.note(waitedMs / 1000),
    stepped: ({ prefillTokens, milliseconds }) =>
      (prefillTokens > 0 ? this.prefillStepSeconds : this.decodeStepSeconds).note(
        milliseconds / 1000,
      ),
    encoded: (milliseconds) => this.encodeSeconds.note(milliseconds / 1000),
  };
}
