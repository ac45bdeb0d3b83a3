/** What is remembered of a backend's last calls. */
export interface Circuit {
  /** In a row. */
  failures: number;
  /** Milliseconds since 1970; before it nobody calls. */
  openUntil: number;
}

/** `half_open`: one call may find out whether the backend is back. */
export type CircuitState = "closed" | "open" | "half_open";

export const HEALTHY: Circuit = { failures: 0, openUntil: 0 };

/** One failure may be the network's; three in a row are the backend's. */
const FAILURES_TO_OPEN = 3;
/** A process that crashed is back in seconds, a machine in minutes. */
const FIRST_OPEN_MS = 5000;
const LONGEST_OPEN_MS = 60_000;

/** Opens after several failures in a row, for twice as long each time. */
export function afterFailure({ failures }: Circuit, now: number): Circuit {
  const count = failures + 1;
  if (count < FAILURES_TO_OPEN) {
    return { failures: count, openUntil: 0 };
  }
  const openMs = Math.min(FIRST_OPEN_MS * 2 ** (count - FAILURES_TO_OPEN), LONGEST_OPEN_MS);
  return { failures: count, openUntil: now + openMs };
}

export function stateOf({ failures, openUntil }: Circuit, now: number): CircuitState {
  if (failures < FAILURES_TO_OPEN) {
    return "closed";
  }
  return now < openUntil ? "open" : "half_open";
}
