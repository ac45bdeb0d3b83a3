/** `npm start`: the whole product on this machine. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";

import { keptApiKey } from "./dev-api-key.ts";
import { FrontDoor } from "./front-door.ts";
import { GpuWorkerProcess, WorkerExitError } from "./gpu-worker-process.ts";
import { bundleEdge, startLocalEdge } from "./local-edge.ts";
import { REPOSITORY, StartError, readSettings } from "./settings.ts";
import type { Settings } from "./settings.ts";
import { HELP, banner } from "./texts.ts";

const CONFIG_PATH = join(REPOSITORY, "wrangler.toml");

async function main(): Promise<void> {
  if (process.argv.includes("--help") || process.argv.includes("-h")) {
    process.stdout.write(HELP);
    return;
  }
  const stop = new AbortController();
  const stopped = stopSignal().finally(() => stop.abort());
  const settings = readSettings(process.env);
  await using resources = new AsyncDisposableStack();
  const door = resources.adopt(await FrontDoor.open(settings.PORT), (opened) => opened.close());
  const worker = await startBehind(door, settings, { resources, signal: stop.signal }).catch(
    (error: unknown) => orStopped(error, stop.signal),
  );
  if (worker === undefined) {
    return;
  }
  process.stdout.write(`Ready http://127.0.0.1:${door.port}\n`);

  const reason = await Promise.race([stopped, worker.exited.then(() => "exited" as const)]);
  if (reason === "exited") {
    throw new StartError("the GPU worker has ended unexpectedly; see its last line above");
  }
}

async function startBehind(
  door: FrontDoor,
  settings: Settings,
  { resources, signal }: { resources: AsyncDisposableStack; signal: AbortSignal },
): Promise<GpuWorkerProcess> {
  const secret = randomBytes(32).toString("hex");
  const apiKey = settings.DEV_API_KEY ?? (await keptApiKey(settings.STATE_DIR));
  const [worker, script] = await Promise.all([
    GpuWorkerProcess.start(settings, secret, signal),
    bundleEdge(CONFIG_PATH),
  ]);
  resources.adopt(worker, (started) => started.stop());
  const edge = await startLocalEdge(script, {
    configPath: CONFIG_PATH,
    stateFolder: join(settings.STATE_DIR, "edge"),
    vars: {
      GPU_WORKER_URL: worker.url,
      GPU_WORKER_SECRET: secret,
      DEV_API_KEY: apiKey,
      ALLOW_HTTP_LOOPBACK: "true",
      LOG: settings.LOG,
    },
  });
  resources.adopt(edge, (started) => started.close());
  door.lead(edge.port);
  process.stdout.write(
    banner({ url: `http://127.0.0.1:${door.port}`, apiKey, model: worker.model }),
  );
  return worker;
}

/** A worker that has ended because it was stopped is no failure. */
function orStopped(error: unknown, signal: AbortSignal): undefined {
  if (!(signal.aborted && error instanceof WorkerExitError)) {
    throw error;
  }
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
