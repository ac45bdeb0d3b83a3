import { join } from "node:path";

import { describe, expect, it } from "vitest";

import type { Check } from "./check.ts";
import { checkText } from "./text.ts";

describe("recorded values of texts", () => {
  it("equal ours: tokens of the published vocabulary and distributions under sampling settings", async () => {
    const checks: Check[] = [];
    for await (const check of checkText({ text: join(import.meta.dirname, "data/text") })) {
      checks.push(check);
    }
    expect(checks.filter((check) => !check.passed)).toEqual([]);
    expect(checks).toHaveLength(56);
  });
});
