import type { SamplingScratch } from "./sampling-scratch.ts";

/** A model gave something that is no logit, or nothing is left to choose from. */
export class NoTokenError extends Error {
  override readonly name = "NoTokenError";
}

/** The first of the largest scores, shape [vocabulary]. Throws when one is no number or all are -Infinity. */
export function indexOfLargest(scores: Float32Array): number {
  let best = -1;
  let largest = Number.NEGATIVE_INFINITY;
  for (let start = 0; start < scores.length; start += BLOCK) {
    if (start + BLOCK <= scores.length && isBelow(scores, start, largest)) {
      continue;
    }
    const end = Math.min(start + BLOCK, scores.length);
    for (let id = start; id < end; id++) {
      const score = scores[id] ?? Number.NaN;
      if (!(score <= largest)) {
        assertFinite(score, id);
        largest = score;
        best = id;
      }
    }
  }
  if (best < 0) {
    throw nothingLeft(scores);
  }
  return best;
}

/** Scores that are looked at together: few blocks hold one that counts, which halves the time. */
const BLOCK = 8;

/** Whether all scores of a block are smaller; not when one is no number. */
function isBelow(scores: Float32Array, start: number, bound: number): boolean {
  return (
    (scores[start] ?? 0) < bound &&
    (scores[start + 1] ?? 0) < bound &&
    (scores[start + 2] ?? 0) < bound &&
    (scores[start + 3] ?? 0) < bound &&
    (scores[start + 4] ?? 0) < bound &&
    (scores[start + 5] ?? 0) < bound &&
    (scores[start + 6] ?? 0) < bound &&
    (scores[start + 7] ?? 0) < bound
  );
}

/**
 * Puts the tokens of the k largest scores, 1 ≤ k ≤ vocabulary, into `scratch.ids`, ascending, and returns
 * their count: more than k when some equal the last one, fewer when others are -Infinity.
 *
 * One pass: a heap holds the k largest so far, and whatever reaches its smallest is noted. Few do, about
 * k·ln(vocabulary / k), and of those a second look takes the ones that still reach it in the end.
 */
export function topScores(scores: Float32Array, k: number, scratch: SamplingScratch): number {
  const { ids, floats: heap } = scratch;
  heap.fill(Number.NEGATIVE_INFINITY, 0, k);
  let smallest = Number.NEGATIVE_INFINITY;
  let noted = 0;
  for (let start = 0; start < scores.length; start += BLOCK) {
    if (start + BLOCK <= scores.length && isBelow(scores, start, smallest)) {
      continue;
    }
    const end = Math.min(start + BLOCK, scores.length);
    for (let id = start; id < end; id++) {
      const score = scores[id] ?? Number.NaN;
      if (!(score < smallest) && score !== Number.NEGATIVE_INFINITY) {
        assertFinite(score, id);
        ids[noted++] = id;
        if (score > smallest) {
          replaceRoot(heap, k, score);
          smallest = heap[0] ?? smallest;
        }
      }
    }
  }
  if (noted === 0) {
    throw nothingLeft(scores);
  }
  return keepFrom(smallest, scores, ids, noted);
}

/** Of the first tokens, keeps those whose scores are not below; returns their count. */
export function keepFrom(
  smallest: number,
  scores: Float32Array,
  ids: Int32Array,
  count: number,
): number {
  let kept = 0;
  for (let place = 0; place < count; place++) {
    const id = ids[place] ?? 0;
    if ((scores[id] ?? 0) >= smallest) {
      ids[kept++] = id;
    }
  }
  return kept;
}

/** Puts a value into a min-heap of `size` instead of the smallest. */
function replaceRoot(heap: Float32Array, size: number, value: number): void {
  let hole = 0;
  for (;;) {
    const left = 2 * hole + 1;
    const right = left + 1;
    if (left >= size) {
      break;
    }
    const smaller = right < size && (heap[right] ?? 0) < (heap[left] ?? 0) ? right : left;
    const below = heap[smaller] ?? 0;
    if (below >= value) {
      break;
    }
    heap[hole] = below;
    hole = smaller;
  }
  heap[hole] = value;
}

function assertFinite(score: number, id: number): void {
  if (!(score < Number.POSITIVE_INFINITY)) {
    throw new Error(`logit ${id} is ${score}, expected a finite number`);
  }
}

function nothingLeft({ length }: Float32Array): NoTokenError {
  return new NoTokenError(`none of ${length} logits is above -Infinity`);
}
