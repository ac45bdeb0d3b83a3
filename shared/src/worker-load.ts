/** What a GPU worker is busy with, told on each of its answers. */
export interface WorkerLoad {
  /** Answers that are being prepared, wait or run, beside the call that is answered. */
  requests: number;
  /** Answers that it runs together; those beyond wait. */
  slots: number;
  /** Answers beyond which it refuses. */
  places: number;
}

/** Of every answer: `requests=3, slots=8, places=72`. */
export const WORKER_LOAD_HEADER = "X-Worker-Load";

/**
 * On a refusal (503) of what the worker has not begun: it is full or shuts down, so that another worker,
 * or the same one later, may take the very same call.
 */
export const WORKER_BUSY_HEADER = "X-Worker-Busy";

export function formatWorkerLoad({ requests, slots, places }: WorkerLoad): string {
  return `requests=${requests}, slots=${slots}, places=${places}`;
}

/** Undefined for a header that is missing or of another form. */
export function parseWorkerLoad(header: string | null): WorkerLoad | undefined {
  const match = /^requests=(\d{1,9}), slots=(\d{1,9}), places=(\d{1,9})$/.exec(header ?? "");
  if (match === null) {
    return undefined;
  }
  const [, requests, slots, places] = match;
  return { requests: Number(requests), slots: Number(slots), places: Number(places) };
}
