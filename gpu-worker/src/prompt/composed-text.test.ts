import { describe, expect, it } from "vitest";

import { composed } from "./composed-text.ts";

describe("composed", () => {
  it("is NFC for texts of any language", () => {
    for (const text of ["e\u0301 \u1112\u1161\u11ab", "a\u0323\u0302b", "\u0958\u212b", ""]) {
      expect(composed(text)).toBe(text.normalize("NFC"));
    }
  });

  it("keeps all of a run of marks too long to be put in order", () => {
    const marks = "\u0301\u0323".repeat(1000);
    expect(Array.from(composed(`q${marks}`)).toSorted()).toEqual(
      Array.from(`q${marks}`).toSorted(),
    );
  });
});
