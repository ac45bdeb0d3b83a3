import { fileURLToPath } from "node:url";

import { expect, it } from "vitest";

import type { Check } from "./check.ts";
import { checkImages } from "./images.ts";

it("prepares every recorded picture as the reference implementation does", async () => {
  const media = fileURLToPath(new URL("data/media", import.meta.url));
  const files = fileURLToPath(new URL("data/files", import.meta.url));

  const checks: Check[] = [];
  for await (const check of checkImages({ media, files })) {
    checks.push(check);
  }

  expect(checks.filter((check) => !check.passed)).toEqual([]);
  expect(checks).toHaveLength(23 * 5);
});
