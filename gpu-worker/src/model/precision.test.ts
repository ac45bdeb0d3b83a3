import { expect, it } from "vitest";

import { defaultPrecision } from "./precision.ts";

it("keeps small models in float32 and quantises those that would take gigabytes", () => {
  expect(defaultPrecision(5_000_000)).toBe("fp32");
  expect(defaultPrecision(2_100_000_000)).toBe("int4");
});
