/** `npm start`: the whole product on this machine. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";

import { FrontDoor } from "./front-door.ts";
import { GpuWorkerProcess, WorkerExitError } from "./gpu-worker-process.ts";
import { keptAdminToken, keptApiKey, keptSealingKey } from "./kept-secrets.ts";
import { localStorage } from "./local-storage.ts";
import { REPOSITORY, StartError, readSettings } from "./settings.ts";
import type { Settings } from "./settings.ts";
import { openStateFolder } from "./state-folder.ts";
import { HELP, banner } from "./texts.ts";

const CONFIG_PATH = join(REPOSITORY, "wrangler.toml");

async function main(): Promise<void> {
  if (process.argv.includes("--help") || process.argv.includes("-h")) {
    process.stdout.write(HELP);
    return;
  }
  const stop = stopSignal();
  const settings = readSettings(process.env);
  await openStateFolder(settings.STATE_DIR);
  await using resources = new AsyncDisposableStack();
  const door = resources.adopt(await FrontDoor.open(settings.PORT), (opened) => opened.close());
  const ended = startBehind(door, settings, resources).then(async (worker) => {
    process.stdout.write(`Ready http://127.0.0.1:${door.port}\n`);
    await worker.exited;
    return "exited" as const;
  });
  const reason = await Promise.race([stop, ended]); // fetching a checkpoint may take an hour
  if (reason === "exited") {
    throw new StartError("the GPU worker has ended unexpectedly; see its last line above");
  }
}

async function startBehind(
  door: FrontDoor,
  settings: Settings,
  resources: AsyncDisposableStack,
): Promise<GpuWorkerProcess> {
  const secret = randomBytes(32).toString("hex");
  const apiKey = settings.DEV_API_KEY ?? (await keptApiKey(settings.STATE_DIR));
  const adminToken = settings.ADMIN_TOKEN ?? (await keptAdminToken(settings.STATE_DIR));
  const sealingKey = settings.WEBHOOK_SEALING_KEY ?? (await keptSealingKey(settings.STATE_DIR));
  const storage = localStorage(`http://127.0.0.1:${door.port}`);
  const worker = new GpuWorkerProcess(settings, secret, storage.mediaOrigin);
  resources.adopt(worker, (started) => started.stop());
  const [{ url: workerUrl, model }, { script, startLocalEdge }] = await Promise.all([
    worker.ready,
    loadEdge(),
  ]);
  const edge = await startLocalEdge(script, {
    configPath: CONFIG_PATH,
    stateFolder: join(settings.STATE_DIR, "edge"),
    storage,
    vars: {
      GPU_WORKER_URL: workerUrl,
      GPU_WORKER_SECRET: secret,
      DEV_API_KEY: apiKey,
      ADMIN_TOKEN: adminToken,
      WEBHOOK_SEALING_KEY: sealingKey,
      ALLOW_HTTP_LOOPBACK: "true",
      DRAIN_REFUSED_REQUESTS: "true",
      FETCH_IN: settings.FETCH_IN,
      MEDIA_ALLOW_HOSTS: settings.MEDIA_ALLOW_HOSTS ?? "",
      MEDIA_DENY_HOSTS: settings.MEDIA_DENY_HOSTS ?? "",
      LOG: settings.LOG,
    },
  });
  resources.adopt(edge, (started) => started.close());
  door.lead(edge.port);
  process.stdout.write(banner({ url: `http://127.0.0.1:${door.port}`, apiKey, model }));
  return worker;
}

/** The tools alone take half a second to load; a wrong setting is told before, and the GPU worker loads meanwhile. */
async function loadEdge() {
  const { bundleEdge, startLocalEdge } = await import("./local-edge.ts");
  return { script: await bundleEdge(CONFIG_PATH), startLocalEdge };
}

function stopSignal(): Promise<"stopped"> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"]) {
      process.once(signal, () => resolve("stopped"));
    }
  });
}

/** What a user can mend is one line; the GPU worker has said its own. */
function report(error: unknown): void {
  if (error instanceof StartError) {
    process.stderr.write(`${error.message}\n`);
  } else if (!(error instanceof WorkerExitError)) {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  }
}

try {
  await main();
  process.exit(0);
} catch (error) {
  report(error);
  process.exit(1);
}
