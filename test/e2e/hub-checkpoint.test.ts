import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import OpenAI from "openai";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { COMMIT, TestHub, beginningOf, refusal } from "../../gpu-worker/src/hub/test-hub.ts";
import { DESCRIPTION, SCENE, ask } from "../support/evaluation.ts";
import { Starter } from "../support/starter.ts";

const SHAPES = resolve(import.meta.dirname, "../../models/qwen3-vl-shapes");
const MODEL = "test/qwen3-vl-shapes";
const WEIGHTS = "model.safetensors";
const TOKEN = "token-of-the-test";
const KEY = "sk-test-hub";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "qwen3-vl-hub-"));
});
afterEach(() => rm(folder, { recursive: true }));

function startFrom(endpoint: string): Starter {
  const hub = { MODEL, HF_ENDPOINT: endpoint, HF_TOKEN: TOKEN };
  return new Starter({ ...hub, STATE_DIR: folder, DEV_API_KEY: KEY });
}

/** Answers with so many bytes of the weights, and then with silence. */
function pauseWeights(hub: TestHub, bytes: number): void {
  hub.intercept = (request) =>
    hub.isFor(WEIGHTS, request) ? beginningOf(hub.fileOf(WEIGHTS), bytes) : undefined;
}

/** Waits until so many bytes of the weights are on the disk. */
async function fetched(bytes: number): Promise<void> {
  const name = `${MODEL.replace("/", "--")}--${COMMIT}.part`;
  const part = join(folder, "checkpoints", name, `${WEIGHTS}.part`);
  const sizeOfPart = () =>
    stat(part).then(
      ({ size }) => size,
      () => 0,
    );
  await expect.poll(sizeOfPart, { timeout: 20_000 }).toBe(bytes);
}

async function describeScene(url: string): Promise<string | null | undefined> {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: KEY, maxRetries: 0 });
  const messages = ask("Describe this image.", SCENE);
  const { choices } = await client.chat.completions.create({ model: MODEL, messages });
  return choices[0]?.message.content;
}

describe("npm start with an id of the hub", () => {
  it("goes on after being killed in the middle of a file, answers, and needs the hub no more", async () => {
    let endpoint: string;
    {
      await using hub = await TestHub.start(SHAPES, MODEL);
      ({ endpoint } = hub);
      pauseWeights(hub, 1_000_000);
      const killed = startFrom(endpoint);
      await fetched(1_000_000);
      killed.signal("SIGKILL");
      expect(await killed.ended).toMatchObject({ status: null, orphans: [] });

      hub.intercept = () => undefined;
      hub.requests.length = 0;
      const resumed = startFrom(endpoint);
      expect(await describeScene(await resumed.ready())).toBe(DESCRIPTION);
      resumed.signal("SIGTERM");
      const { status, output, errors } = await resumed.ended;
      expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining(MODEL) });
      expect(errors).toContain(`"event":"fetching checkpoint","model":"${MODEL}","percent":100`);
      expect(output + errors).not.toContain(TOKEN);
      expect(hub.requestsFor(WEIGHTS).map(({ headers }) => headers.range)).toEqual([
        "bytes=1000000-",
      ]);
    }
    const offline = startFrom(endpoint);
    expect(await describeScene(await offline.ready())).toBe(DESCRIPTION);
    offline.signal("SIGTERM");
    expect(await offline.ended).toMatchObject({ status: 0, errors: "", orphans: [] });
  }, 60_000);

  it("ends with SIGTERM in the middle of a file", async () => {
    await using hub = await TestHub.start(SHAPES, MODEL);
    pauseWeights(hub, 1000);
    const system = startFrom(hub.endpoint);
    await fetched(1000);
    system.signal("SIGTERM");
    expect(await system.ended).toMatchObject({ status: 0, orphans: [] });
  });

  it("is told in one line what to do about a model that is not public", async () => {
    await using hub = await TestHub.start(SHAPES, MODEL);
    hub.intercept = () => refusal(403, "GatedRepo");
    expect(await startFrom(hub.endpoint).ended).toEqual({
      status: 1,
      output: "",
      errors: `gpu-worker: ${MODEL}: is gated: accept its terms at ${hub.endpoint}/${MODEL}; the access of HF_TOKEN does not reach it\n`,
      orphans: [],
    });
  });
});
