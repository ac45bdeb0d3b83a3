import { Histogram } from "@qwen3-vl/shared/histogram";

/** Seconds: a refusal takes a millisecond, a long answer minutes. */
const BOUNDS = [
  0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900,
];

/** Why a GPU worker did not take a request: it failed, or it refused because it is full. */
export type WorkerFailure = "failed" | "busy";

/** A request that has ended. */
export interface EndedRequest {
  /** The route's pattern, so that there are few. */
  route: string;
  status: number;
  /** From its arrival to its answer's headers. */
  headersMs: number;
  /** From its arrival to its answer's last byte. */
  totalMs: number;
  mediaBytes: number;
  workerFailures: Readonly<Record<WorkerFailure, number>>;
}

/** What one instance of the edge has done since it started. */
export class EdgeFigures {
  inFlight = 0;
  mediaBytes = 0;
  readonly workerFailures: Record<WorkerFailure, number> = { failed: 0, busy: 0 };
  /** By route and status, as the labels stand in the text. */
  readonly requests = new Map<string, number>();
  readonly headersSeconds = new Map<string, Histogram>();
  readonly totalSeconds = new Map<string, Histogram>();

  begin(): void {
    this.inFlight++;
  }

  end({ route, status, headersMs, totalMs, mediaBytes, workerFailures }: EndedRequest): void {
    this.inFlight--;
    this.mediaBytes += mediaBytes;
    this.workerFailures.failed += workerFailures.failed;
    this.workerFailures.busy += workerFailures.busy;
    const labels = `route="${route}",status="${status}"`;
    this.requests.set(labels, (this.requests.get(labels) ?? 0) + 1);
    note(this.headersSeconds, route, headersMs);
    note(this.totalSeconds, route, totalMs);
  }
}

function note(histograms: Map<string, Histogram>, route: string, milliseconds: number): void {
  const label = `route="${route}"`;
  const histogram = histograms.get(label) ?? new Histogram(BOUNDS);
  histograms.set(label, histogram);
  histogram.note(milliseconds / 1000);
}
