import { randomBytes, randomUUID } from "node:crypto";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";

import { SIGNATURE_HEADER, signCall } from "@qwen3-vl/shared/signature";
import { CHAT_COMPLETIONS_PATH } from "@qwen3-vl/shared/worker-protocol";

import { FrontDoor } from "../../dev/src/front-door.ts";
import { GpuWorkerProcess } from "../../dev/src/gpu-worker-process.ts";
import { bundleEdge, startLocalEdge } from "../../dev/src/local-edge.ts";
import { REPOSITORY, readSettings } from "../../dev/src/settings.ts";
import { PICTURE, PICTURE_URL, longRequest } from "../support/chat-requests.ts";
import type { Subject } from "../support/chat-requests.ts";
import { HttpClient } from "../support/http-client.ts";
import { median, printTable } from "./table.ts";

const API_KEY = "sk-bench-12345678";
const ROUNDS = 8;
const OVERHEAD_ROUNDS = 60;
const MAX_TOKENS = 128;

type Ask = (subject: Subject, maxTokens: number, stream: boolean) => Promise<IncomingMessage>;

/** Time to first token and tokens per second for 1 and 8 clients, and what the edge adds to a request. */
export async function chat(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "qwen3-vl-bench-"));
  const secret = randomBytes(32).toString("hex");
  const settings = readSettings({ STATE_DIR: folder, LOG: "error" });
  const worker = await GpuWorkerProcess.start(settings, secret);
  const edge = await startEdge(worker.url, secret, folder);
  using direct = new HttpClient(worker.url);
  using throughEdge = new HttpClient(edge.url);
  const askEdge: Ask = (subject, maxTokens, stream) =>
    askThroughEdge(throughEdge, { subject, maxTokens, stream });
  const askWorker: Ask = (subject, maxTokens, stream) =>
    askDirectly(direct, secret, { subject, maxTokens, stream });
  try {
    await measureStreams(askEdge);
    await measureOverhead(askWorker, askEdge);
  } finally {
    await edge.close();
    await worker.stop();
    await rm(folder, { recursive: true });
  }
}

async function measureStreams(ask: Ask): Promise<void> {
  const rows: (string | number)[][] = [
    ["subject", "clients", "first token ms", "tokens/s each", "tokens/s all"],
  ];
  for (const subject of ["text", "picture"] as const) {
    for (const clients of [1, 8]) {
      const runs = [];
      for (let round = 0; round < ROUNDS; round++) {
        runs.push(
          ...(await Promise.all(Array.from({ length: clients }, () => timeStream(ask, subject)))),
        );
      }
      const each = median(runs.map(({ tokensPerSecond }) => tokensPerSecond));
      rows.push([
        subject,
        clients,
        median(runs.map(({ firstMs }) => firstMs)).toFixed(1),
        each.toFixed(0),
        (each * clients).toFixed(0),
      ]);
    }
  }
  printTable(rows);
}

/** From the request to the first event with text, and the rate from there to the end. */
async function timeStream(ask: Ask, subject: Subject) {
  const start = performance.now();
  const answer = await ask(subject, MAX_TOKENS, true);
  let first = NaN;
  let seen = "";
  for await (const chunk of answer) {
    seen += String(chunk);
    if (Number.isNaN(first) && /"content":"[^"]/.test(seen)) {
      first = performance.now();
    }
  }
  const seconds = (performance.now() - first) / 1000;
  return { firstMs: first - start, tokensPerSecond: (MAX_TOKENS - 1) / seconds };
}

/** The same request of one token, in turn directly to the worker and through the edge. */
async function measureOverhead(direct: Ask, throughEdge: Ask): Promise<void> {
  const rows: (string | number)[][] = [
    ["one token", "worker ms", "through edge ms", "edge adds ms"],
  ];
  for (const subject of ["text", "picture"] as const) {
    const times = { direct: [] as number[], edge: [] as number[] };
    for (let round = 0; round < OVERHEAD_ROUNDS; round++) {
      times.direct.push(await timeWhole(direct, subject));
      times.edge.push(await timeWhole(throughEdge, subject));
    }
    const [a, b] = [median(times.direct), median(times.edge)];
    rows.push([subject, a.toFixed(2), b.toFixed(2), (b - a).toFixed(2)]);
  }
  printTable(rows);
}

async function timeWhole(ask: Ask, subject: Subject): Promise<number> {
  const start = performance.now();
  const answer = await ask(subject, 1, false);
  const body = await text(answer);
  if (answer.statusCode !== 200) {
    throw new Error(`status ${answer.statusCode}: ${body}`);
  }
  return performance.now() - start;
}

interface Question {
  subject: Subject;
  maxTokens: number;
  stream: boolean;
}

function bodyOf({ subject, maxTokens, stream }: Question, pictureUrl: string) {
  return longRequest({
    maxTokens,
    stream,
    pictureUrl: subject === "picture" ? pictureUrl : undefined,
  });
}

function askThroughEdge(client: HttpClient, question: Question): Promise<IncomingMessage> {
  return client.post({
    path: CHAT_COMPLETIONS_PATH,
    headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify(bodyOf(question, PICTURE_URL)),
  });
}

/** The call that the edge makes. */
async function askDirectly(
  client: HttpClient,
  secret: string,
  question: Question,
): Promise<IncomingMessage> {
  const medium = {
    name: "media-0",
    bytes: PICTURE.length,
    sha256: createHash("sha256").update(PICTURE).digest("hex"),
    type: "image/png",
  };
  const hasPicture = question.subject === "picture";
  const content = JSON.stringify({
    id: randomUUID(),
    body: bodyOf(question, "cid:media-0"),
    media: hasPicture ? [medium] : [],
  });
  const form = new FormData();
  form.append("request", content);
  if (hasPicture) {
    form.append(
      medium.name,
      new Blob([new Uint8Array(PICTURE)], { type: medium.type }),
      medium.name,
    );
  }
  const encoded = new Response(form);
  const call = { method: "POST", path: CHAT_COMPLETIONS_PATH, content };
  return client.post({
    path: CHAT_COMPLETIONS_PATH,
    headers: {
      "Content-Type": encoded.headers.get("Content-Type") ?? "",
      [SIGNATURE_HEADER]: await signCall(secret, call, new Date()),
    },
    body: await buffer(encoded.body ?? new Blob([]).stream()),
  });
}

async function startEdge(workerUrl: string, secret: string, folder: string) {
  const configPath = join(REPOSITORY, "wrangler.toml");
  const door = await FrontDoor.open(0);
  const edge = await startLocalEdge(await bundleEdge(configPath), {
    configPath,
    stateFolder: join(folder, "edge"),
    vars: {
      GPU_WORKER_URL: workerUrl,
      GPU_WORKER_SECRET: secret,
      DEV_API_KEY: API_KEY,
      LOG: "error",
    },
  });
  door.lead(edge.port);
  const close = async () => {
    await door.close();
    await edge.close();
  };
  return { url: `http://127.0.0.1:${door.port}`, close };
}
