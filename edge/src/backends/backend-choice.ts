import type { CircuitState } from "./circuit-breaker.ts";
import { rendezvousOrder } from "./rendezvous.ts";

/** What is known of a backend at one moment. */
export interface BackendView {
  /** Its address. */
  id: string;
  /** Answers there, as far as is known here. */
  requests: number;
  /** Answers it runs together. */
  slots: number;
  circuit: CircuitState;
  /** It has just refused because it is full. */
  isBusy: boolean;
}

/** How far above the mean a backend may be for the sake of its warm caches. */
const LOAD_FACTOR = 1.25;

/**
 * Backends to try, one after the other.
 *
 * First those of the conversation's own order (rendezvous hashing) that are not overfull: with a free
 * slot, or near the mean (bounded loads, Mirrokni et al.). Then the overfull, least loaded first. One
 * that is down or refuses is tried only where there is no other: it may be the verdict that is wrong.
 */
export function preferredBackends<T extends BackendView>(
  conversation: string,
  backends: readonly T[],
): T[] {
  const inOrder = rendezvousOrder(conversation, backends);
  const usable = inOrder.filter(({ circuit, isBusy }) => circuit === "closed" && !isBusy);
  if (usable.length === 0) {
    return inOrder.toSorted((a, b) => hopelessness(a) - hopelessness(b));
  }
  const mean = usable.reduce((sum, { requests }) => sum + requests, 0) / usable.length;
  const isOverfull = ({ requests, slots }: T) => requests >= Math.max(slots, LOAD_FACTOR * mean);
  return [
    ...usable.filter((backend) => !isOverfull(backend)),
    ...usable.filter(isOverfull).toSorted((a, b) => loadOf(a) - loadOf(b)),
  ];
}

function loadOf({ requests, slots }: BackendView): number {
  return requests / Math.max(1, slots);
}

const HOPELESSNESS = { closed: 0, half_open: 1, open: 2 } as const;

function hopelessness({ circuit }: BackendView): number {
  return HOPELESSNESS[circuit];
}
