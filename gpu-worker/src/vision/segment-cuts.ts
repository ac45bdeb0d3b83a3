/** A part of a clip, in seconds. */
export interface Span {
  start: number;
  end: number;
}

export interface CutRules {
  /** Whether a span fits; longer ones hardly ever do where shorter ones do not. */
  fits: (span: Span) => boolean;
  /** Least length, in seconds. */
  shortest: number;
  maxSegments: number;
}

export type Cut =
  | { outcome: "cut"; segments: Span[] }
  /** Not even the shortest. */
  | { outcome: "nothing fits" }
  | { outcome: "too many"; count: number };

/** Share of a segment that it has in common with the next one, so that what lies at a cut is whole in one of them. */
const OVERLAP_SHARE = 0.05;
const MIN_OVERLAP_SECONDS = 2;

/** How closely the longest segment is looked for, as a share of it. */
const PRECISION = 0.005;

/** What is left of a length with which one segment turned out not to fit after all. */
const SHORTENED = 0.98;

/** Cuts a span into overlapping ones of the same length: as few as fit, two at least. */
export function cutSegments(whole: Span, { fits, shortest, maxSegments }: CutRules): Cut {
  const duration = whole.end - whole.start;
  const longest = lengthOf(duration, 2, overlapOf(duration));
  // At the end, where the times of frames are longest as text.
  const lastFits = (length: number) => fits({ start: whole.end - length, end: whole.end });
  if (longest < shortest || !lastFits(shortest)) {
    return { outcome: "nothing fits" };
  }
  let length = longestThat(lastFits, shortest, longest);
  for (; length >= shortest; length *= SHORTENED) {
    const count = countOf(duration, length);
    if (count > maxSegments) {
      return { outcome: "too many", count };
    }
    const segments = spread(whole, count, overlapOf(length));
    if (segments.every(fits)) {
      return { outcome: "cut", segments };
    }
  }
  return { outcome: "nothing fits" };
}

/** Segments of a few seconds have half of them in common. */
function overlapOf(length: number): number {
  return Math.min(Math.max(MIN_OVERLAP_SECONDS, length * OVERLAP_SHARE), length / 2);
}

function countOf(duration: number, length: number): number {
  const overlap = overlapOf(length);
  return Math.max(2, Math.ceil((duration - overlap) / (length - overlap)));
}

/** Of each of so many. */
function lengthOf(duration: number, count: number, overlap: number): number {
  return (duration + (count - 1) * overlap) / count;
}

function spread({ start, end }: Span, count: number, overlap: number): Span[] {
  const length = lengthOf(end - start, count, overlap);
  return Array.from({ length: count }, (_, index) => {
    const begin = start + index * (length - overlap);
    return {
      start: toMilliseconds(begin),
      end: index === count - 1 ? end : toMilliseconds(begin + length),
    };
  });
}

/** @param least which does */
function longestThat(fits: (length: number) => boolean, least: number, most: number): number {
  if (fits(most)) {
    return most;
  }
  let [low, high] = [least, most];
  while (high - low > low * PRECISION) {
    const middle = (low + high) / 2;
    if (fits(middle)) {
      low = middle;
    } else {
      high = middle;
    }
  }
  return low;
}

function toMilliseconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
