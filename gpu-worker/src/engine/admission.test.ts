import { describe, expect, it } from "vitest";

import { Admission } from "./admission.ts";

it("sends away the one too many, with a time to come back, until a place is given back", () => {
  const admission = new Admission(2);
  const place = admission.enter();
  admission.enter();
  expect(() => admission.enter()).toThrow(
    expect.objectContaining({ code: "overloaded", status: 503, headers: { "Retry-After": "1" } }),
  );
  place[Symbol.dispose]();
  expect(admission.inside).toBe(1);
  expect(() => admission.enter()).not.toThrow();
});

describe("a request for several answers", () => {
  it("takes a place for each, and gives all back", () => {
    const admission = new Admission(4);
    const place = admission.enter();
    const others = admission.enterChoices(3);
    expect(admission.inside).toBe(3);
    others[Symbol.dispose]();
    place[Symbol.dispose]();
    expect(admission.inside).toBe(0);
  });

  it("is sent away when there are too few places now, and refused when there never are enough", () => {
    const admission = new Admission(4);
    admission.enter();
    admission.enter();
    expect(() => admission.enterChoices(4)).toThrow(
      expect.objectContaining({ code: "overloaded" }),
    );
    expect(() => admission.enterChoices(5)).toThrow(
      expect.objectContaining({ code: "invalid_request", param: "n" }),
    );
    expect(admission.inside).toBe(2);
  });
});
