import type { JobReport } from "@qwen3-vl/shared/worker-jobs";

interface EndedJobsLimits {
  /** Jobs that are kept. */
  maxJobs: number;
  /** Bytes of their answers, as JSON. */
  maxBytes: number;
  /** For so long an end that was taken can still be asked for. */
  keepTakenMs: number;
}

/** An edge that dies with a report in its hands asks within minutes. */
const ENDED_JOBS_LIMITS: EndedJobsLimits = {
  maxJobs: 4096,
  maxBytes: 256 * 2 ** 20,
  keepTakenMs: 300_000,
};

interface Kept {
  report: JobReport;
  bytes: number;
  dropped: AbortController;
  /** Undefined while nobody has taken it. */
  takenMs?: number;
}

/** Ends of jobs, with their answers, until they are taken and for a while beyond; of too many the oldest go, those first that were taken. */
export class EndedJobs {
  readonly #limits: EndedJobsLimits;
  readonly #now: () => number;
  readonly #untaken = new Map<string, Kept>();
  /** In the order in which they were taken. */
  readonly #taken = new Map<string, Kept>();
  #bytes = 0;

  constructor(
    limits: EndedJobsLimits = ENDED_JOBS_LIMITS,
    now: () => number = () => performance.now(),
  ) {
    this.#limits = limits;
    this.#now = now;
  }

  /** @returns what aborts when the end is not kept any longer */
  keep(report: JobReport): AbortSignal {
    const bytes = Buffer.byteLength(JSON.stringify(report));
    const kept = { report, bytes, dropped: new AbortController() };
    this.#untaken.set(report.id, kept);
    this.#bytes += bytes;
    this.#makeRoom();
    return kept.dropped.signal;
  }

  /** Somebody has it, or nobody will ever want it. */
  take(id: string): void {
    const kept = this.#untaken.get(id);
    if (kept !== undefined) {
      this.#untaken.delete(id);
      this.#taken.set(id, { ...kept, takenMs: this.#now() });
    }
    this.#makeRoom();
  }

  find(id: string): JobReport | undefined {
    this.#makeRoom();
    return (this.#untaken.get(id) ?? this.#taken.get(id))?.report;
  }

  dropAll(): void {
    for (const jobs of [this.#untaken, this.#taken]) {
      for (const id of jobs.keys()) {
        this.#drop(jobs, id);
      }
    }
  }

  #makeRoom(): void {
    const { maxJobs, maxBytes, keepTakenMs } = this.#limits;
    const oldestTime = this.#now() - keepTakenMs;
    for (const [id, { takenMs = 0 }] of this.#taken) {
      if (takenMs > oldestTime) {
        break;
      }
      this.#drop(this.#taken, id);
    }
    while (this.#untaken.size + this.#taken.size > maxJobs || this.#bytes > maxBytes) {
      const from = this.#taken.size > 0 ? this.#taken : this.#untaken;
      const [oldest = ""] = from.keys();
      this.#drop(from, oldest);
    }
  }

  #drop(from: Map<string, Kept>, id: string): void {
    const kept = from.get(id);
    from.delete(id);
    this.#bytes -= kept?.bytes ?? 0;
    kept?.dropped.abort();
  }
}
