import { availableParallelism } from "node:os";

import { defineConfig } from "vitest/config";

const TIMES = {
  testTimeout: 30_000,
  hookTimeout: 60_000,
  expect: { poll: { timeout: 20_000 } }, // a second is not enough on a busy machine
};

export default defineConfig({
  test: {
    // vitest would leave a core to itself: of two, files wait for each other's servers and timers
    maxWorkers: Math.max(2, availableParallelism() - 1),
    projects: [
      {
        test: {
          name: "node",
          include: [
            "{shared,gpu-worker,dev,edge}/src/**/*.test.ts",
            "test/{engine,golden,conformance}/**/*.test.ts",
          ],
          ...TIMES,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          globalSetup: ["test/e2e/global-setup.ts"],
          ...TIMES,
        },
      },
      "test/workerd/vitest.config.ts",
    ],
  },
});
