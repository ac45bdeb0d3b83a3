import { expect, it } from "vitest";

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
