import { describe, expect, it } from "vitest";

import { cutSegments } from "./segment-cuts.ts";
import type { Span } from "./segment-cuts.ts";

const lengthOf = ({ start, end }: Span) => end - start;
const upTo = (seconds: number) => (span: Span) => lengthOf(span) <= seconds + 1e-3;

/** Up to 100 s, but half as many of a costly stretch. */
function fitsWhereCheap(span: Span): boolean {
  return lengthOf(span) <= (span.start > 200 && span.start < 300 ? 50 : 100);
}

function cut(whole: Span, fits: (span: Span) => boolean, rules = {}): Span[] {
  const result = cutSegments(whole, { fits, shortest: 1, maxSegments: 100, ...rules });
  return result.outcome === "cut" ? result.segments : [];
}

/** Seconds that each has in common with the next one. */
const overlaps = (spans: readonly Span[]) =>
  spans.slice(1).map(({ start }, index) => (spans[index]?.end ?? 0) - start);

describe("cutSegments", () => {
  it("covers all of a clip with as few segments as fit, of the same length", () => {
    const spans = cut({ start: 0, end: 7200 }, upTo(384));
    expect(spans[0]?.start).toBe(0);
    expect(spans.at(-1)?.end).toBe(7200);
    expect(spans).toHaveLength(20); // 19 would have to be of 397 s
    for (const span of spans) {
      expect(lengthOf(span)).toBeLessThanOrEqual(384.001);
      expect(lengthOf(span)).toBeCloseTo(lengthOf(spans[0] ?? { start: 0, end: 0 }), 2);
    }
  });

  it("lets each overlap the next by a twentieth", () => {
    for (const overlap of overlaps(cut({ start: 0, end: 7200 }, upTo(384)))) {
      expect(overlap).toBeCloseTo(384 * 0.05, 0);
    }
  });

  it("lets each overlap the next by two seconds at least, but by no more than a half", () => {
    for (const overlap of overlaps(cut({ start: 0, end: 100 }, upTo(10)))) {
      expect(overlap).toBeCloseTo(2, 2);
    }
    for (const overlap of overlaps(cut({ start: 0, end: 20 }, upTo(3)))) {
      expect(overlap).toBeCloseTo(1.5, 1);
    }
  });

  it("stays within the part of the clip that is asked for", () => {
    const spans = cut({ start: 60, end: 120.04 }, upTo(20));
    expect([spans[0]?.start, spans.at(-1)?.end]).toEqual([60, 120.04]);
  });

  it("cuts what would fit, for it was not to be left whole", () => {
    const spans = cut({ start: 0, end: 100 }, () => true);
    expect(spans).toHaveLength(2);
    expect(overlaps(spans)[0]).toBeGreaterThanOrEqual(2);
  });

  it("shortens all when one somewhere in the clip does not fit", () => {
    const spans = cut({ start: 0, end: 1000 }, fitsWhereCheap);
    expect(spans.length).toBeGreaterThan(10);
    expect(spans.every(fitsWhereCheap)).toBe(true);
  });

  it("says that not even the shortest fit", () => {
    const rules = { fits: () => false, shortest: 1, maxSegments: 100 };
    const nothing = { outcome: "nothing fits" };
    expect(cutSegments({ start: 0, end: 60 }, rules)).toEqual(nothing);
    expect(cutSegments({ start: 0, end: 1.2 }, { ...rules, fits: () => true })).toEqual(nothing);
  });

  it("makes no more than there may be, however long a clip says that it is", () => {
    const whole = { start: 0, end: 1e9 };
    const rules = { fits: upTo(1), shortest: 1, maxSegments: 100 };
    expect(cutSegments(whole, rules)).toMatchObject({ outcome: "too many" });
  });
});
