import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm, truncate } from "node:fs/promises";
import { createServer } from "node:http";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";

import { REPOSITORY } from "../../../dev/src/settings.ts";
import { assembleSystem } from "../../support/assembled-system.ts";
import type { AssembledSystem } from "../../support/assembled-system.ts";
import { listen } from "../../support/listen.ts";
import { peakMemory } from "../../support/process-figures.ts";
import { printTable } from "../table.ts";
import { startStorage, workerds } from "./storage-runtime.ts";

const MIB = 2 ** 20;
const CLIP = join(REPOSITORY, "test/golden/data/files/clip-h264-30fps-5s.mp4");

/** A file of 2 GB through presigned URLs, its client killed half-way, then the same as a clip of a URL. */
export async function upload([size = "2048"]: readonly string[]): Promise<void> {
  const bytes = Number(size) * MIB;
  await using parts = new AsyncDisposableStack();
  const folder = parts.adopt(await mkdtemp(join(tmpdir(), "qwen3-vl-upload-")), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  const storage = await startStorage(join(folder, "bucket"));
  parts.defer(() => storage.close());
  const vars = { ALLOW_HTTP_LOOPBACK: "true" };
  const system = parts.use(await assembleSystem({}, { storage: storage.local, vars }));
  const edgePid = (await workerds()).find((pid) => pid !== storage.pid);
  const path = join(folder, "film.mp4");
  await writeFilm(path, bytes);

  const rows = [["", "s", "MB/s", "edge peak MiB", "storage peak MiB"]];
  const measure = async (what: string, work: () => Promise<void>) => {
    const begun = performance.now();
    await work();
    const seconds = (performance.now() - begun) / 1000;
    const peaks = await Promise.all([edgePid ?? 0, storage.pid].map(peakMemory));
    const speed = bytes / 1e6 / seconds;
    rows.push([what, ...[seconds, speed].map((value) => value.toFixed(1)), ...peaks.map(String)]);
  };
  const idle = await peakMemory(edgePid ?? 0);
  console.log(`${size} MiB; the edge before: ${idle} MiB`);
  let fileId = "";
  await measure("parts, killed half-way, resumed, verified", async () => {
    await sendUntil(system, path, bytes / 2);
    fileId = await send(system, path);
  });
  await measure("asked about: the GPU worker fetches it", () => estimate(system, fileId));
  await measure("as a clip of a URL, through the edge", () => askByUrl(system, path));
  printTable(rows);
}

/** A real clip, and behind it an empty box as large as the rest; on the disk it is a hole. */
async function writeFilm(path: string, bytes: number): Promise<void> {
  const clip = await readFile(CLIP);
  const box = Buffer.alloc(16);
  box.writeUInt32BE(1); // the length follows in 64 bits
  box.write("free", 4);
  box.writeBigUInt64BE(BigInt(bytes - clip.length), 8);
  await using file = await open(path, "w");
  await file.write(Buffer.concat([clip, box]));
  await truncate(path, bytes);
}

function start({ url, apiKey }: AssembledSystem, path: string) {
  const script = join(REPOSITORY, "examples/upload/main.ts");
  return spawn(process.execPath, [script, `${url}/v1`, path, "video/mp4"], {
    env: { ...process.env, API_KEY: apiKey },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Kills the client as soon as it has sent so many bytes. */
async function sendUntil(system: AssembledSystem, path: string, bytes: number): Promise<void> {
  const client = start(system, path);
  for await (const line of createInterface({ input: client.stderr })) {
    if (Number.parseInt(line, 10) >= bytes) {
      break;
    }
  }
  client.kill("SIGKILL");
  await once(client, "exit");
}

/** @returns the file's id */
async function send(system: AssembledSystem, path: string): Promise<string> {
  const client = start(system, path);
  const [output, errors] = await Promise.all([text(client.stdout), text(client.stderr)]);
  const id = output.trim();
  if (!id.startsWith("file-")) {
    throw new Error(`the client ended without a file: ${errors}`);
  }
  console.log(`resumed at ${(Number.parseInt(errors, 10) / MIB).toFixed(0)} MiB`);
  return id;
}

async function askByUrl(system: AssembledSystem, path: string): Promise<void> {
  const serve = (_request: unknown, response: ServerResponse) => {
    void open(path).then((file) => pipeline(file.createReadStream(), response));
  };
  const server = createServer(serve);
  const port = await listen(server);
  await estimate(system, `http://127.0.0.1:${port}/film.mp4`);
  server.closeAllConnections();
  server.close();
}

async function estimate({ url: base, apiKey }: AssembledSystem, url: string): Promise<void> {
  const clip = { type: "video_url", video_url: { url }, nframes: 4 };
  const answer = await fetch(`${base}/v1/chat/completions/estimate`, {
    method: "POST",
    headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      model: "qwen3-vl-shapes",
      messages: [{ role: "user", content: [clip] }],
    }),
  });
  if (!answer.ok) {
    throw new Error(`status ${answer.status}: ${await answer.text()}`);
  }
  await answer.text();
}
