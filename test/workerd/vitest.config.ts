import { fileURLToPath } from "node:url";

import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

import { ADMIN_TOKEN, GPU_WORKER_SECRET, WEBHOOK_SEALING_KEY } from "./fakes/secret.ts";

const inRepository = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export default defineConfig({
  plugins: [
    cloudflareTest(async ({ inject }) => ({
      wrangler: { configPath: inRepository("wrangler.toml") },
      miniflare: {
        cf: false,
        bindings: {
          GPU_WORKER_URL: inject("gpuWorkerUrl"),
          GPU_WORKER_SECRET,
          ADMIN_TOKEN,
          WEBHOOK_SEALING_KEY,
          WEBHOOK_TIMEOUT_SECONDS: "3",
          BACKEND_WAIT_SECONDS: "0",
          ALLOW_HTTP_LOOPBACK: "true",
          LOG: "silent",
          PRICES: '{"answers":{"prompt":0.5,"cached":0.25,"completion":2}}',
          SETTLE_AFTER_SECONDS: "1",
          ...inject("s3"),
          MIGRATIONS: await readD1Migrations(inRepository("edge/migrations")),
        },
      },
    })),
  ],
  test: {
    name: "workerd",
    include: ["*.test.ts"],
    globalSetup: [inRepository("test/workerd/fakes/global-setup.ts")],
    setupFiles: [inRepository("test/workerd/apply-migrations.ts")],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
  },
});
