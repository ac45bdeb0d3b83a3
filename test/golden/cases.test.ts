import { join } from "node:path";

import { expect, it } from "vitest";

import { checkCases } from "./cases.ts";
import type { Check } from "./check.ts";

const data = join(import.meta.dirname, "data");

it("computes the recorded cases of all checkpoints as the reference implementation does", async () => {
  const checks: Check[] = [];
  const folders = { cases: join(data, "cases"), checkpoints: join(data, "checkpoints") };
  for await (const check of checkCases(folders)) {
    checks.push(check);
  }
  expect(checks.filter((check) => !check.passed)).toEqual([]);
  expect(checks.filter(({ name }) => name.endsWith("greedy tokens"))).toHaveLength(10 + 3 * 3);
});
