import type { Priority } from "@qwen3-vl/shared/worker-protocol";

export interface InLine {
  priority: Priority;
  turn: number;
}

export interface Running extends InLine {
  /** Tokens that memory is lent for. */
  lentTokens: number;
}

export interface Free {
  slots: number;
  /** Tokens that no running sequence has memory for. */
  tokens: number;
}

/**
 * Which running jobs give way so that a request with an earlier turn, for which somebody waits, can begin:
 * the last in line, and no more than it takes. None where they would give way in vain.
 *
 * @param running in the order of their turns
 */
export function givingWay<T extends Running>(
  candidate: InLine & { tokens: number },
  running: readonly T[],
  free: Free,
): T[] {
  const leaving: T[] = [];
  let { slots, tokens } = free;
  for (const sequence of running.toReversed()) {
    if (slots > 0 && tokens >= candidate.tokens) {
      break;
    }
    if (outranks(candidate, sequence)) {
      leaving.push(sequence);
      slots++;
      tokens += sequence.lentTokens;
    }
  }
  return slots > 0 && tokens >= candidate.tokens ? leaving : [];
}

function outranks(candidate: InLine, other: InLine): boolean {
  const isForSomebody = candidate.priority === "interactive" && other.priority === "batch";
  return isForSomebody && candidate.turn < other.turn;
}
