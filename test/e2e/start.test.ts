import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { listen } from "../support/listen.ts";
import { startSystem } from "../support/running-system.ts";

const repository = resolve(import.meta.dirname, "../..");
const shapes = join(repository, "models/qwen3-vl-shapes");

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "qwen3-vl-start-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs the starter to its end. */
async function start(env: Record<string, string>, ...parameters: readonly string[]) {
  const child = spawn(process.execPath, [join(repository, "dev/src/main.ts"), ...parameters], {
    env: { ...process.env, PORT: "0", STATE_DIR: join(folder, "state"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "exit"),
  ]);
  return { status: Number(status), output, errors };
}

/** A copy of the shipped checkpoint, without its folders. */
async function copyCheckpoint(name: string): Promise<string> {
  const copy = join(folder, name);
  await cp(shapes, copy, {
    recursive: true,
    filter: (path) => !/evaluation|training/.test(path),
  });
  return copy;
}

describe("npm start", () => {
  it("lists all settings with --help", async () => {
    const { status, output } = await start({}, "--help");
    expect(status).toBe(0);
    const names = ["PORT", "MODEL", "PRECISION", "THREADS", "STATE_DIR", "DEV_API_KEY", "LOG"];
    for (const name of names) {
      expect(output).toMatch(new RegExp(`^ +${name} `, "m"));
    }
    expect(await readFile(join(repository, "README.md"), "utf8")).toSatisfy((readme: string) =>
      names.every((name) => readme.includes(`| \`${name}\``)),
    );
  });

  it.each([
    ["PORT", "many"],
    ["PORT", "65536"],
    ["PRECISION", "fp7"],
    ["THREADS", "0"],
    ["DEV_API_KEY", "short"],
    ["LOG", "loud"],
  ])("refuses %s=%s with one line that names it", async (name, value) => {
    const { status, errors, output } = await start({ [name]: value });
    expect(status).toBe(1);
    expect(errors).toMatch(new RegExp(`^${name}=${value}: .+\n$`));
    expect(output).toBe("");
  });

  it("refuses a port in use with one line", async () => {
    const server = createServer();
    const port = await listen(server);
    try {
      const { status, errors } = await start({ PORT: String(port) });
      expect(status).toBe(1);
      expect(errors).toMatch(new RegExp(`^PORT=${port}: .*in use.*\n$`));
    } finally {
      server.close();
    }
  });

  const damages: [string, (copy: string) => Promise<unknown>, RegExp][] = [
    ["no weights", (copy) => rm(join(copy, "model.safetensors")), /model\.safetensors is missing/],
    [
      "cut weights",
      (copy) => truncate(join(copy, "model.safetensors"), 500_000),
      /model\.safetensors/,
    ],
    ["a broken config.json", (copy) => writeFile(join(copy, "config.json"), "{"), /config\.json/],
    [
      "another architecture",
      (copy) => writeFile(join(copy, "config.json"), '{"architectures":["LlamaForCausalLM"]}'),
      /LlamaForCausalLM/,
    ],
    ["no tokenizer", (copy) => rm(join(copy, "tokenizer.json")), /tokenizer\.json is missing/],
    [
      "a broken preprocessor_config.json",
      (copy) => writeFile(join(copy, "preprocessor_config.json"), "{}"),
      /preprocessor_config\.json/,
    ],
  ];

  it.each(damages)("refuses a checkpoint with %s with one line", async (name, damage, says) => {
    const copy = await copyCheckpoint(name.replaceAll(/\W/g, "-"));
    await damage(copy);
    const { status, errors } = await start({ MODEL: copy });
    expect(status).toBe(1);
    expect(errors).toMatch(says);
    expect(errors.trim().split("\n")).toHaveLength(1);
  });

  it("refuses a checkpoint that is not there with one line", async () => {
    const { status, errors } = await start({ MODEL: join(folder, "nothing") });
    expect(status).toBe(1);
    expect(errors).toMatch(/^.*no checkpoint folder at .*nothing\n$/);
  });

  it("reuses graphs, database and key at the second start", async () => {
    const env = { STATE_DIR: join(folder, "kept"), DEV_API_KEY: "" };
    const graphs = join(folder, "kept", "graphs");
    await (await startSystem({ env })).stop();
    const [built = ""] = await readdir(graphs);
    const { mtimeMs } = await stat(join(graphs, built));
    const key = await readFile(join(folder, "kept", "dev-api-key"), "utf8");

    await using second = await startSystem({ env });
    expect(await readdir(graphs)).toEqual([built]);
    expect((await stat(join(graphs, built))).mtimeMs).toBe(mtimeMs);
    expect(await readFile(join(folder, "kept", "dev-api-key"), "utf8")).toBe(key);
    const response = await fetch(`${second.url}/v1/models`, {
      headers: { Authorization: `Bearer ${key.trim()}` },
    });
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });

  it.each(["SIGINT", "SIGTERM"] as const)(
    "ends with all its processes on %s, answers included",
    async (signal) => {
      const system = await startSystem();
      const children = await childrenOf(system.pid);
      expect(children.length).toBeGreaterThanOrEqual(2);
      const answers = Array.from({ length: 4 }, () => longAnswer(system.url, system.apiKey));
      await Promise.all(answers.map(({ begun }) => begun));
      process.kill(system.pid, signal);
      await Promise.all(answers.map(({ ended }) => ended));
      await system.stop();
      await expect
        .poll(() => Promise.all(children.map(isAlive)), { timeout: 10_000 })
        .toEqual(children.map(() => false));
    },
  );
});

function longAnswer(url: string, apiKey: string) {
  const response = fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      model: "qwen3-vl-shapes",
      messages: [{ role: "user", content: "Locate every shape." }],
      stream: true,
      max_tokens: 3900,
      temperature: 0,
      frequency_penalty: -2, // repeats itself and never ends
    }),
  });
  return {
    begun: response,
    ended: response.then((answer) => answer.text()).catch(() => "cut off"),
  };
}

async function childrenOf(pid: number): Promise<number[]> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return list.trim().split(/\s+/).filter(Boolean).map(Number);
}

/** One that has ended but was not waited for yet counts as ended. */
async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "State: X");
  return !/^State:\s+[XZ]/m.test(status);
}
