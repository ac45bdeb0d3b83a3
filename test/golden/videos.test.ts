import { join } from "node:path";

import { expect, it } from "vitest";

import type { Check } from "./check.ts";
import { checkVideos } from "./videos.ts";

const data = join(import.meta.dirname, "data");

it("prepares every recorded clip as the reference implementation does", async () => {
  const checks: Check[] = [];
  const folders = { media: join(data, "media"), files: join(data, "files") };
  for await (const check of checkVideos(folders)) {
    checks.push(check);
  }
  expect(checks.filter((check) => !check.passed)).toEqual([]);
  expect(checks).toHaveLength(13 * 6);
}, 60_000);
