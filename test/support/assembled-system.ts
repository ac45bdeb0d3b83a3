import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { FrontDoor } from "../../dev/src/front-door.ts";
import { GpuWorkerProcess } from "../../dev/src/gpu-worker-process.ts";
import { bundleEdge, startLocalEdge } from "../../dev/src/local-edge.ts";
import { localStorage } from "../../dev/src/local-storage.ts";
import type { LocalStorage } from "../../dev/src/local-storage.ts";
import { REPOSITORY, readSettings } from "../../dev/src/settings.ts";

/** Where a GPU worker is, and the secret that it shares with its edge. */
export interface KnownWorker {
  url: string;
  secret: string;
}

/** What `npm start` starts, put together in this process, so that the GPU worker can be called too. */
export interface AssembledSystem extends AsyncDisposable {
  url: string;
  apiKey: string;
  worker: KnownWorker;
}

const CONFIG_PATH = join(REPOSITORY, "wrangler.toml");

/** What a system has otherwise than `npm start`. */
export interface Differences {
  /** In place of the edge's own runtime. */
  storage?: LocalStorage;
  /** Variables of the Worker. */
  vars?: Readonly<Record<string, string>>;
}

/** @param environment variables of `npm start`; graphs and the database are temporary unless it says where */
export async function assembleSystem(
  environment: Readonly<Record<string, string>> = {},
  differences: Differences = {},
): Promise<AssembledSystem> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.adopt(await mkdtemp(join(tmpdir(), "qwen3-vl-parts-")), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  const secret = randomBytes(32).toString("hex");
  const apiKey = `sk-test-${randomBytes(12).toString("hex")}`;
  const settings = readSettings({ STATE_DIR: folder, LOG: "error", ...environment });
  const door = parts.adopt(await FrontDoor.open(0), (it) => it.close());
  const storage = differences.storage ?? localStorage(`http://127.0.0.1:${door.port}`);
  const workerProcess = parts.adopt(
    new GpuWorkerProcess(settings, secret, storage.mediaOrigin),
    (it) => it.stop(),
  );
  const { url } = await workerProcess.ready;
  const worker = { url, secret };
  const edge = await startLocalEdge(await bundleEdge(CONFIG_PATH), {
    configPath: CONFIG_PATH,
    stateFolder: join(folder, "edge"),
    storage,
    vars: {
      GPU_WORKER_URL: worker.url,
      GPU_WORKER_SECRET: worker.secret,
      DEV_API_KEY: apiKey,
      LOG: settings.LOG,
      ...differences.vars,
    },
  });
  parts.adopt(edge, (it) => it.close());
  door.lead(edge.port);

  const started = parts.move();
  return {
    url: `http://127.0.0.1:${door.port}`,
    apiKey,
    worker,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}
