import type { Priority } from "@qwen3-vl/shared/worker-protocol";

/** How long a job gives way to requests that come after it. */
export const BATCH_DELAY_MS = 300_000;

/**
 * A request's place in the one line in which all stand, for slots, for memory and for their prompts: lower goes first.
 *
 * Jobs stand where they would had they come later by a fixed time. A place never changes, and at any
 * place only so many can go before, so nothing starves.
 */
export function turnOf(arrivedMs: number, priority: Priority): number {
  return arrivedMs + (priority === "batch" ? BATCH_DELAY_MS : 0);
}

/** Adds to a line, behind those of the same turn. */
export function insertByTurn<T extends { turn: number }>(line: T[], item: T): void {
  let place = line.length;
  while (place > 0 && (line[place - 1]?.turn ?? 0) > item.turn) {
    place--;
  }
  line.splice(place, 0, item);
}
