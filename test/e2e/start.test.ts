import { cp, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { listen } from "../support/listen.ts";
import { Starter, processesOf } from "../support/starter.ts";

const repository = resolve(import.meta.dirname, "../..");
const shapes = join(repository, "models/qwen3-vl-shapes");
const KEY = "sk-test-start";

let folder: string;
let aFile: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "qwen3-vl-start-"));
  aFile = join(folder, "a-file");
  await writeFile(aFile, "");
});
afterAll(() => rm(folder, { recursive: true }));

let stateCount = 0;

/** Each with state of its own: they run side by side. */
function starter(env: Record<string, string> = {}, ...parameters: readonly string[]): Starter {
  const STATE_DIR = join(folder, `state-${stateCount++}`);
  return new Starter({ STATE_DIR, DEV_API_KEY: KEY, ...env }, ...parameters);
}

/** A start that ends with exactly one line on the error output, a status, and no process left. */
function refusal(line: RegExp) {
  const errors = expect.stringMatching(new RegExp(String.raw`^(?=.*?${line.source})[^\n]+\n$`));
  return { status: 1, output: "", errors, orphans: [] };
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

describe.concurrent("npm start", () => {
  it("lists all settings with --help, as the README does", async () => {
    const { status, output, errors } = await starter({}, "--help").ended;
    expect({ status, errors }).toEqual({ status: 0, errors: "" });
    const names = [...output.matchAll(/^ {2}([A-Z_]+) +\S/gm)].map(([, name]) => name);
    expect(names).toEqual([
      "PORT",
      "MODEL",
      "HF_ENDPOINT",
      "HF_TOKEN",
      "PRECISION",
      "THREADS",
      "MEMORY",
      "MAX_STALL_MS",
      "STATE_DIR",
      "DEV_API_KEY",
      "ADMIN_TOKEN",
      "WEBHOOK_SEALING_KEY",
      "MEDIA_ALLOW_HOSTS",
      "MEDIA_DENY_HOSTS",
      "FETCH_IN",
      "OTEL_EXPORTER_OTLP_ENDPOINT",
      "LOG",
    ]);
    const readme = await readFile(join(repository, "README.md"), "utf8");
    expect(names.filter((name) => !readme.includes(`| \`${name}\``))).toEqual([]);
  });

  it.each([
    ["PORT", "many"],
    ["PORT", "65536"],
    ["PORT", "-1"],
    ["PRECISION", "fp7"],
    ["THREADS", "0"],
    ["MEMORY", "lots"],
    ["DEV_API_KEY", "short"],
    ["ADMIN_TOKEN", "too-short-by-one-character-1234"],
    ["WEBHOOK_SEALING_KEY", "too-short-by-one-character-1234"],
    ["LOG", "loud"],
  ])("refuses %s=%s with one line that names it and what is expected", async (name, value) => {
    const line = new RegExp(`^${name}=${value}: .+`);
    expect(await starter({ [name]: value }).ended).toEqual(refusal(line));
  });

  it.each([
    [
      "MODEL",
      "Qwen3-VL",
      /^gpu-worker: MODEL: "Qwen3-VL" is neither a folder nor a Hugging Face id/,
    ],
    ["HF_ENDPOINT", "the-hub", /^gpu-worker: HF_ENDPOINT: expected an http or https address/],
    ["HF_TOKEN", "two words", /^gpu-worker: HF_TOKEN: expected visible ASCII characters/],
  ])("refuses %s=%s, which the GPU worker reads, with one line", async (name, value, line) => {
    expect(await starter({ [name]: value }).ended).toEqual(refusal(line));
  });

  it("refuses a state folder that cannot be one", async () => {
    const STATE_DIR = join(aFile, "state");
    const line = /^STATE_DIR=.*a-file\/state: expected a folder that can be written/;
    expect(await starter({ STATE_DIR }).ended).toEqual(refusal(line));
  });

  it("refuses a port in use", async () => {
    const server = createServer();
    const port = await listen(server);
    try {
      const line = new RegExp(`^PORT=${port}: the port is in use`);
      expect(await starter({ PORT: String(port) }).ended).toEqual(refusal(line));
    } finally {
      server.close();
    }
  });

  it("refuses a checkpoint that is not there, or no folder", async () => {
    for (const name of ["nothing", "a-file"]) {
      const line = new RegExp(`no checkpoint folder at .*/${name}\n`);
      expect(await starter({ MODEL: join(folder, name) }).ended).toEqual(refusal(line));
    }
  });
});

const write = (name: string, text: string) => (copy: string) => writeFile(join(copy, name), text);

/** One of each part that reads a checkpoint; all that may be wrong is in `test/engine`. */
const damages: [string, (copy: string) => Promise<unknown>, RegExp][] = [
  [
    "cut weights",
    (copy) => truncate(join(copy, "model.safetensors"), 500_000),
    /model\.safetensors: .* of a file of 500000/,
  ],
  ["a broken config.json", write("config.json", "{"), /config\.json/],
  [
    "another architecture",
    write("config.json", '{"architectures":["LlamaForCausalLM"]}'),
    /expected the architecture Qwen3VL.* got .*LlamaForCausalLM/,
  ],
  ["no tokenizer", (copy) => rm(join(copy, "tokenizer.json")), /tokenizer\.json is missing/],
  ["a broken tokenizer", write("tokenizer.json", "{"), /tokenizer\.json is not valid JSON/],
  [
    "a broken preprocessor_config.json",
    write("preprocessor_config.json", "{}"),
    /preprocessor_config\.json/,
  ],
];

describe.concurrent("npm start with a damaged checkpoint", () => {
  it.each(damages)("ends with one line: %s", async (name, damage, line) => {
    const copy = await copyCheckpoint(name.replaceAll(/\W/g, "-"));
    await damage(copy);
    expect(await starter({ MODEL: copy }).ended).toEqual(refusal(line));
  });
});

describe("a second start", () => {
  it("reuses graphs, database and key", async () => {
    const env = { STATE_DIR: join(folder, "kept"), DEV_API_KEY: "" };
    const first = starter(env);
    await first.ready();
    first.signal("SIGTERM");
    const { output } = await first.ended;
    const key = /^ +API key +(\S+)$/m.exec(output)?.[1] ?? "";
    const built = await timesBelow(join(folder, "kept", "graphs"));
    expect(Object.keys(built).length).toBeGreaterThan(3);

    const second = starter(env);
    const url = await second.ready();
    const headers = { Authorization: `Bearer ${key}` };
    const { status } = await fetch(`${url}/v1/models`, { headers });
    second.signal("SIGTERM");
    const ended = await second.ended;
    expect(status).toBe(200);
    expect(ended.output).toContain(`API key   ${key}`);
    expect(await timesBelow(join(folder, "kept", "graphs"))).toEqual(built);
  }, 60_000);
});

/** When each file and folder below was last changed. */
async function timesBelow(path: string): Promise<Record<string, number>> {
  const names = await readdir(path, { recursive: true });
  const times = names.map(async (name) => [name, (await stat(join(path, name))).mtimeMs] as const);
  return Object.fromEntries(await Promise.all(times));
}

describe("the end of all processes", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("comes with %s, answers included", async (signal) => {
    const system = starter();
    const url = await system.ready();
    const commands = (await processesOf(system.pid)).map(({ command }) => command);
    expect(commands.some((command) => /gpu-worker/.test(command))).toBe(true);
    expect(commands.some((command) => /workerd serve/.test(command))).toBe(true);

    const answers = Array.from({ length: 4 }, () => longAnswer(url));
    await Promise.all(answers.map(({ begun }) => begun));
    system.signal(signal);
    const { status, errors, orphans } = await system.ended;
    expect({ status, errors, orphans }).toEqual({ status: 0, errors: "", orphans: [] });
    for (const { ended } of answers) {
      expect(await ended).not.toContain("[DONE]");
    }
  });

  it("comes with SIGTERM also while they start", async () => {
    const system = starter();
    await expect.poll(() => hasGpuWorker(system), { timeout: 20_000 }).toBe(true);
    system.signal("SIGTERM");
    const { status, errors, orphans } = await system.ended;
    expect({ status, errors, orphans }).toEqual({ status: 0, errors: "", orphans: [] });
  });

  it("comes with the GPU worker's, and is told", async () => {
    const system = starter();
    await system.ready();
    const worker = (await processesOf(system.pid)).find(({ command }) => isGpuWorker(command));
    process.kill(worker?.pid ?? 0, "SIGKILL");
    const { status, errors, orphans } = await system.ended;
    expect({ status, orphans }).toEqual({ status: 1, orphans: [] });
    expect(errors).toMatch(/^the GPU worker has ended unexpectedly.*\n$/);
  });
});

const isGpuWorker = (command: string) => command.includes("gpu-worker/src/main.ts");

async function hasGpuWorker({ pid }: Starter): Promise<boolean> {
  return (await processesOf(pid)).some(({ command }) => isGpuWorker(command));
}

/** An answer that would take minutes. */
function longAnswer(url: string) {
  const response = fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { Authorization: `Bearer ${KEY}`, "Content-Type": "application/json" },
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
