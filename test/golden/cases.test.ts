import { join } from "node:path";

import { expect, it } from "vitest";

import type { Precision } from "../../gpu-worker/src/model/precision.ts";
import { checkCases } from "./cases.ts";
import type { Check } from "./check.ts";

const data = join(import.meta.dirname, "data");

async function checksAt(precision: Precision): Promise<Check[]> {
  const checks: Check[] = [];
  const folders = { cases: join(data, "cases"), checkpoints: join(data, "checkpoints") };
  for await (const check of checkCases({ ...folders, precision })) {
    checks.push(check);
  }
  return checks;
}

it("computes the recorded cases of all checkpoints as the reference implementation does", async () => {
  const checks = await checksAt("fp32");
  expect(checks.filter((check) => !check.passed)).toEqual([]);
  expect(checks.filter(({ name }) => name.endsWith("greedy tokens"))).toHaveLength(10 + 3 * 3);
});

it.each(["int8", "int4"] as const)(
  "stays near the reference implementation at %s, mixture of experts included",
  async (precision) => {
    const checks = await checksAt(precision);
    expect(checks.filter((check) => !check.passed)).toEqual([]);
    expect(checks.some(({ name }) => name.startsWith("moe/"))).toBe(true);
  },
);
