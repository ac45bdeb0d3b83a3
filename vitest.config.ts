import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "node",
          include: [
            "{shared,gpu-worker,dev,edge}/src/**/*.test.ts",
            "test/{engine,golden,e2e,conformance}/**/*.test.ts",
          ],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          expect: { poll: { timeout: 20_000 } }, // a second is not enough on a busy machine
        },
      },
      "test/workerd/vitest.config.ts",
    ],
  },
});
