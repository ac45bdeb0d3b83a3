import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { expect, it } from "vitest";

import { bundleEdge } from "../../dev/src/local-edge.ts";
import { REPOSITORY } from "../../dev/src/settings.ts";

/** So that it starts fast, and fits the smallest plan three times. */
const MAX_COMPRESSED_BYTES = 1e6;

it("the edge is below 1 MB compressed", async () => {
  const script = await bundleEdge(join(REPOSITORY, "wrangler.toml"));
  const { length } = gzipSync(script);
  expect(length).toBeGreaterThan(10_000);
  expect(length).toBeLessThan(MAX_COMPRESSED_BYTES);
});
