import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import OpenAI, { APIError, InternalServerError } from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";

import { GpuWorkerProcess } from "../../dev/src/gpu-worker-process.ts";
import { bundleEdge, startLocalEdge } from "../../dev/src/local-edge.ts";
import { REPOSITORY, readSettings } from "../../dev/src/settings.ts";
import { listen } from "../support/listen.ts";

const configPath = join(REPOSITORY, "wrangler.toml");
const secret = randomBytes(32).toString("hex");
const apiKey = `sk-test-${randomBytes(12).toString("hex")}`;

const resources = new AsyncDisposableStack();
afterAll(() => resources.disposeAsync());
let folder: string;
let script: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "qwen3-vl-cold-"));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  script = await bundleEdge(configPath);
});

/** A client of an edge of its own before these workers. */
async function clientBefore(workers: readonly string[], waitSeconds: number): Promise<OpenAI> {
  const edge = await startLocalEdge(script, {
    configPath,
    stateFolder: join(folder, randomBytes(4).toString("hex")),
    vars: {
      GPU_WORKER_URL: workers.join(","),
      GPU_WORKER_SECRET: secret,
      BACKEND_WAIT_SECONDS: String(waitSeconds),
      DEV_API_KEY: apiKey,
      LOG: "silent",
    },
  });
  resources.defer(() => edge.close());
  return new OpenAI({ baseURL: `http://127.0.0.1:${edge.port}/v1`, apiKey, maxRetries: 0 });
}

/** Where nobody listens. */
async function closedPort(): Promise<string> {
  const server = createServer();
  const port = await listen(server);
  server.close();
  await once(server, "close");
  return `http://127.0.0.1:${port}`;
}

const question = {
  model: "qwen3-vl-shapes",
  messages: [{ role: "user" as const, content: "Hello" }],
  max_tokens: 2,
};

async function streamed(client: OpenAI): Promise<number> {
  let chunks = 0;
  for await (const chunk of await client.chat.completions.create({ ...question, stream: true })) {
    chunks += chunk.choices.length;
  }
  return chunks;
}

it("a worker that stays cold becomes the exceptions of OpenAI's client, streamed or not", async () => {
  const client = await clientBefore([await closedPort()], 2);
  const overloaded = { code: "overloaded", type: "server_error" };
  await expect(streamed(client)).rejects.toMatchObject(overloaded);
  await expect(streamed(client)).rejects.toBeInstanceOf(APIError);
  const whole = client.chat.completions.create(question);
  await expect(whole).rejects.toMatchObject({ ...overloaded, status: 503 });
  await expect(whole).rejects.toBeInstanceOf(InternalServerError);
});

it("a worker answers for one that does not listen", async () => {
  const settings = readSettings({ STATE_DIR: folder, LOG: "error" });
  const worker = resources.adopt(new GpuWorkerProcess(settings, secret), (started) =>
    started.stop(),
  );
  const { url } = await worker.ready;
  const client = await clientBefore([await closedPort(), url], 0);
  for (let turn = 0; turn < 4; turn++) {
    expect(await streamed(client)).toBeGreaterThan(0);
  }
});
