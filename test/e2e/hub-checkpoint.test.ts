import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { REPOSITORY, TestHub, beginningOf, refusal } from "../../gpu-worker/src/hub/test-hub.ts";
import { DENSE } from "../support/dense-model.ts";

const MAIN = join(import.meta.dirname, "../../gpu-worker/src/main.ts");
const TOKEN = "token-of-the-test";

interface Ended {
  message: unknown;
  code: number | null;
  errors: string;
}

let root: string;
let hub: TestHub;
const children = new Set<ChildProcess>();
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "hub-worker-"));
  hub = await TestHub.start(DENSE);
});
afterEach(async () => {
  for (const child of children) {
    child.kill("SIGKILL");
  }
  children.clear();
  await hub[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});

/** The GPU worker by itself, as `npm start` runs it. */
function startWorker(): ChildProcess {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...process.env,
      MODEL: REPOSITORY,
      HF_ENDPOINT: hub.endpoint,
      HF_TOKEN: TOKEN,
      PORT: "0",
      CACHE_DIR: root,
      WORKER_SECRET: "a secret of at least 32 characters",
      DRAIN_SECONDS: "0",
      THREADS: "1",
    },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  children.add(child);
  return child;
}

/** Runs a worker until it is ready, or has ended by itself. */
async function runWorker(): Promise<Ended> {
  const child = startWorker();
  let message: unknown;
  child.once("message", (first) => {
    message = first;
    child.kill("SIGTERM");
  });
  const exited = once(child, "exit");
  const errors = child.stderr === null ? "" : await text(child.stderr);
  await exited;
  return { message, code: child.exitCode, errors };
}

describe("a GPU worker with an id of the hub", () => {
  it("becomes ready under that id, and makes no request at the second start", async () => {
    const ready = { message: { port: expect.any(Number), model: REPOSITORY }, code: 0 };
    const first = await runWorker();
    expect(first).toMatchObject(ready);
    expect(first.errors).toContain('"event":"fetching","progress":"test/dense ');
    expect(first.errors).not.toContain(TOKEN);

    hub.requests.length = 0;
    expect(await runWorker()).toMatchObject(ready);
    expect(hub.requests).toEqual([]);
  });

  it("is told in one line what to do about a model that is not public", async () => {
    hub.intercept = () => refusal(401, "GatedRepo");
    const { code, errors } = await runWorker();
    expect(code).toBe(1);
    expect(errors).toMatch(
      /^gpu-worker: test\/dense: is gated: accept its terms at .*HF_TOKEN.*\n$/,
    );
  });

  it("goes on after it was killed in the middle of a fetch", async () => {
    const weights = hub.fileOf("model.safetensors");
    const asked = Promise.withResolvers<undefined>();
    hub.intercept = (request) => {
      if (!hub.isFor("model.safetensors", request)) {
        return undefined;
      }
      asked.resolve(undefined);
      return beginningOf(weights, 1000);
    };
    const child = startWorker();
    const exited = once(child, "exit");
    await asked.promise;
    child.kill("SIGKILL");
    await exited;

    hub.intercept = () => undefined;
    expect(await runWorker()).toMatchObject({ message: { model: REPOSITORY }, code: 0 });
    expect(hub.requestsFor("tokenizer.json")).toHaveLength(1);
  });

  it("ends with the process that started it, also in the middle of a fetch", async () => {
    const asked = Promise.withResolvers<undefined>();
    hub.intercept = () => () => asked.resolve(undefined);
    const child = startWorker();
    const exited = once(child, "exit");
    await asked.promise;
    child.disconnect();
    expect(await exited).toEqual([1, null]);
  });
});
