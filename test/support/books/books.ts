import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { SIGNATURE_HEADER, signCall } from "@qwen3-vl/shared/signature";
import type { Usage } from "@qwen3-vl/shared/usage";
import { RequestRecord, requestPath } from "@qwen3-vl/shared/worker-protocol";
import * as z from "zod";

import { GpuWorkerProcess } from "../../../dev/src/gpu-worker-process.ts";
import { REPOSITORY, readSettings } from "../../../dev/src/settings.ts";
import { seededRandom } from "../../../gpu-worker/src/engine/random.ts";
import { usageRecords } from "../usage-records.ts";
import type { UsageRecord } from "../usage-records.ts";
import { disagreements } from "./audit.ts";
import type { Accounts } from "./audit.ts";
import { runBookedLoad } from "./booked-load.ts";
import type { Told } from "./booked-load.ts";
import { createKeys } from "./key-rows.ts";
import type { BookedKey } from "./key-rows.ts";
import { KillableEdge } from "./killable-edge.ts";
import { readLedgers } from "./ledgers.ts";

export interface BooksOptions {
  requests: number;
  /** How often the edge is killed on the way. */
  crashes: number;
  seed: number;
}

export interface BooksReport {
  /** How requests ended for their clients, and how many did so. */
  endings: Record<string, number>;
  /** Records by their outcome. */
  outcomes: Record<string, number>;
  tokens: number;
  crashes: number;
  /** From the last answer until everything was settled and stored. */
  closingMs: number;
  disagreements: string[];
}

const KEYS = 20;
const CLIENTS = 16;
const PRICES = '{"*":{"prompt":0.3,"cached":0.07,"completion":1.1}}';
const SETTLE_AFTER_SECONDS = 1;

/** Requests that never came to the GPU worker are given up after ten times that. */
const CLOSING_MS = 60_000;

/** A load over keys with random limits, through an edge that is killed again and again: who disagrees with whom afterwards. */
export async function keepBooks({ requests, crashes, seed }: BooksOptions): Promise<BooksReport> {
  await using parts = new AsyncDisposableStack();
  const folder = parts.adopt(await mkdtemp(join(tmpdir(), "qwen3-vl-books-")), (path) =>
    rm(path, { recursive: true, force: true }),
  );
  const secret = randomBytes(32).toString("hex");
  const settings = readSettings({ STATE_DIR: folder, LOG: "error" });
  const worker = parts.adopt(new GpuWorkerProcess(settings, secret), (it) => it.stop());
  const { url: workerUrl } = await worker.ready;
  const vars = {
    GPU_WORKER_URL: workerUrl,
    GPU_WORKER_SECRET: secret,
    PRICES,
    SETTLE_AFTER_SECONDS: String(SETTLE_AFTER_SECONDS),
    LOG: "silent",
  };
  const edge = parts.use(await KillableEdge.create({ folder, vars }));
  await edge.start();
  await edge.kill();
  const random = seededRandom(seed);
  const keys = createKeys(folder, KEYS, random);
  await edge.start();
  const crashing = new Crashes(edge, requests, crashes);
  const picture = await readFile(join(REPOSITORY, "examples/shapes.png"), "base64");
  const told = await runBookedLoad({
    url: edge.url,
    keys,
    requests,
    clients: CLIENTS,
    random,
    picture: `data:image/png;base64,${picture}`,
    beforeRequest: (number) => crashing.beforeRequest(number),
  });
  await crashing.done();
  const endedAt = performance.now();
  await closed(folder);
  const closingMs = performance.now() - endedAt;
  const records = usageRecords(folder);
  const accounts = {
    told,
    records,
    ledgers: readLedgers(folder),
    workers: await askWorker({ url: workerUrl, secret }, records),
    summed: await sumsOf(edge.url, keys),
    keys,
  };
  return { ...reportOf(accounts), crashes: crashing.count, closingMs };
}

/** Kills the edge at even distances and starts it again, one time after another. */
class Crashes {
  readonly #edge: KillableEdge;
  readonly #every: number;
  #running: Promise<void> = Promise.resolve();
  #count = 0;

  constructor(edge: KillableEdge, requests: number, crashes: number) {
    this.#edge = edge;
    this.#every = Math.floor(requests / (crashes + 1));
  }

  get count(): number {
    return this.#count;
  }

  /** The requests under way die with the edge; the next ones wait until it is back. */
  beforeRequest(number: number): Promise<void> {
    if (number > 0 && number % this.#every === 0) {
      this.#running = this.#crashAfter(this.#running);
    }
    return this.#running;
  }

  async #crashAfter(earlier: Promise<void>): Promise<void> {
    await earlier;
    this.#count++;
    await this.#edge.kill();
    await this.#edge.start();
  }

  done(): Promise<void> {
    return this.#running;
  }
}

/** Waits until every reservation is settled and every record stored, or for a minute. */
async function closed(folder: string): Promise<void> {
  const deadline = Date.now() + CLOSING_MS;
  while (Date.now() < deadline && readLedgers(folder).some(({ open }) => open > 0)) {
    await sleep(250);
  }
}

async function askWorker(
  { url, secret }: { url: string; secret: string },
  records: readonly UsageRecord[],
): Promise<Map<string, Usage | undefined>> {
  const known = new Map<string, Usage | undefined>();
  for (const { id } of records) {
    const path = requestPath(id);
    const signature = await signCall(secret, { method: "GET", path, content: "" }, new Date());
    const answer = await fetch(new URL(path, url), { headers: { [SIGNATURE_HEADER]: signature } });
    const body: unknown = await answer.json();
    known.set(id, answer.ok ? RequestRecord.parse(body).usage : undefined);
  }
  return known;
}

const Sums = z.object({
  data: z.tuple([z.object({ prompt_tokens: z.int(), completion_tokens: z.int() })]),
});

async function sumsOf(url: string, keys: readonly BookedKey[]): Promise<Map<string, number>> {
  const sums = new Map<string, number>();
  for (const { id, secret } of keys) {
    const answer = await fetch(`${url}/v1/usage`, {
      headers: { Authorization: `Bearer ${secret}` },
    });
    const { data } = Sums.parse(await answer.json());
    const [{ prompt_tokens: prompt, completion_tokens: completion }] = data;
    sums.set(id, prompt + completion);
  }
  return sums;
}

function reportOf(accounts: Accounts): Omit<BooksReport, "crashes" | "closingMs"> {
  const { told, records } = accounts;
  return {
    endings: counted(told.map(endingOf)),
    outcomes: counted(records.map(({ outcome }) => outcome)),
    tokens: records.reduce((sum, each) => sum + each.prompt_tokens + each.completion_tokens, 0),
    disagreements: disagreements(accounts),
  };
}

function endingOf(told: Told): string {
  return told.kind === "refused" ? `refused ${told.status}` : told.kind;
}

function counted(names: readonly string[]): Record<string, number> {
  const groups = Map.groupBy(names, (name) => name);
  return Object.fromEntries([...groups].map(([name, { length }]) => [name, length]));
}
