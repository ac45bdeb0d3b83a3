import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Miniflare, convertV4MiniflareOptions } from "miniflare";
import * as z from "zod";

import { bundleEdge, startLocalEdge } from "../../../dev/src/local-edge.ts";
import { REPOSITORY } from "../../../dev/src/settings.ts";
import { startServer } from "./child-server.ts";
import { installLitellm, installPortkey } from "./install-gateways.ts";

/** Somewhere to send chat completions to. */
export interface Subject {
  name: string;
  url: string;
  headers: Readonly<Record<string, string>>;
}

/**
 * The backend itself, a Worker before it that does nothing, our edge, and the gateways; all end with
 * `resources`.
 */
export async function startSubjects(resources: AsyncDisposableStack): Promise<Subject[]> {
  const backend = await startBackend(resources);
  return [
    { name: "direct", url: backend, headers: {} },
    await startBareWorker(backend, resources),
    await startEdge(backend, resources),
    await startPortkey(backend, resources),
    await startLitellm(backend, resources),
  ];
}

async function startBackend(resources: AsyncDisposableStack): Promise<string> {
  const child = fork(join(import.meta.dirname, "mock-backend-process.ts"));
  resources.defer(() => void child.kill());
  const [port] = z
    .tuple([z.int()])
    .rest(z.unknown())
    .parse(await once(child, "message"));
  return `http://127.0.0.1:${port}`;
}

/** What no Worker can be below here: Miniflare takes each request, and each `fetch`, through a Worker of its own. */
const BARE_WORKER = `export default {
  fetch: ({ url, method, headers, body }, env) =>
    fetch(env.BACKEND + new URL(url).pathname, { method, headers, body }),
};`;

async function startBareWorker(backend: string, resources: AsyncDisposableStack): Promise<Subject> {
  const options = {
    host: "127.0.0.1",
    port: 0,
    cf: false,
    modules: true,
    script: BARE_WORKER,
    compatibilityDate: "2026-04-01",
    bindings: { BACKEND: backend },
  };
  const runtime = new Miniflare(convertV4MiniflareOptions(options));
  resources.defer(() => runtime.dispose());
  const { port } = await runtime.ready;
  return { name: "a bare Worker", url: `http://127.0.0.1:${port}`, headers: {} };
}

const AdminKey = z.object({ value: z.string() });

/** So high that no request is refused, but counted every time. */
const LIMITS = {
  requests_per_minute: 1e9,
  tokens_per_minute: 1e12,
  concurrent_requests: 10_000,
  pixels_per_minute: 1e14,
  tokens_per_month: 1e14,
};

async function startEdge(backend: string, resources: AsyncDisposableStack): Promise<Subject> {
  const configPath = join(REPOSITORY, "wrangler.toml");
  const folder = await mkdtemp(join(tmpdir(), "qwen3-vl-edge-bench-"));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const [ADMIN_TOKEN, secret] = [randomBytes(32).toString("hex"), randomBytes(32).toString("hex")];
  const devKey = `sk-bench-${randomBytes(12).toString("hex")}`;
  const edge = await startLocalEdge(await bundleEdge(configPath), {
    configPath,
    stateFolder: folder,
    vars: {
      ADMIN_TOKEN,
      DEV_API_KEY: devKey,
      GPU_WORKER_URL: backend,
      GPU_WORKER_SECRET: secret,
      LOG: "silent",
    },
  });
  resources.defer(() => edge.close());
  const url = `http://127.0.0.1:${edge.port}`;
  const response = await fetch(`${url}/admin/keys`, {
    method: "POST",
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json" },
    body: JSON.stringify({ name: "bench", limits: LIMITS }),
  });
  const created: unknown = await response.json();
  if (!response.ok) {
    console.log(`No key with limits (status ${response.status}): the edge runs with its key only.`);
  }
  const key = response.ok ? AdminKey.parse(created).value : devKey;
  return { name: "this edge", url, headers: { Authorization: `Bearer ${key}` } };
}

async function startPortkey(backend: string, resources: AsyncDisposableStack): Promise<Subject> {
  const script = await installPortkey();
  const parameters = (port: number) => [script, `--port=${port}`, "--headless"];
  const { url } = resources.use(await startServer(process.execPath, parameters));
  const headers = {
    Authorization: "Bearer sk-bench",
    "x-portkey-provider": "openai",
    "x-portkey-custom-host": `${backend}/v1`,
  };
  return { name: "portkey", url, headers };
}

async function startLitellm(backend: string, resources: AsyncDisposableStack): Promise<Subject> {
  const { command, folder } = await installLitellm();
  const config = join(folder, "config.yaml");
  const masterKey = "sk-bench-master";
  const settings = {
    model_list: [
      {
        model_name: "mock",
        litellm_params: { model: "openai/mock", api_base: `${backend}/v1`, api_key: "sk-bench" },
      },
    ],
    general_settings: { master_key: masterKey },
    litellm_settings: { telemetry: false },
  };
  await mkdir(folder, { recursive: true });
  await writeFile(config, JSON.stringify(settings)); // YAML's superset
  const parameters = (port: number) =>
    `--config ${config} --host 127.0.0.1 --port ${port} --num_workers 1`.split(" ");
  // Its table of prices is in the package too.
  const environment = { LITELLM_LOCAL_MODEL_COST_MAP: "True", LITELLM_LOG: "ERROR" };
  const { url } = resources.use(await startServer(command, parameters, environment));
  return { name: "litellm", url, headers: { Authorization: `Bearer ${masterKey}` } };
}
