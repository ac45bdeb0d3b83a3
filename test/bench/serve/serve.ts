import { basename, resolve } from "node:path";

import { CHAT_COMPLETIONS_PATH } from "@qwen3-vl/shared/worker-protocol";
import sharp from "sharp";

import { openCheckpoint } from "../../../gpu-worker/src/checkpoint.ts";
import { assembleSystem } from "../../support/assembled-system.ts";
import type { AssembledSystem } from "../../support/assembled-system.ts";
import { longRequest, pictures } from "../../support/chat-requests.ts";
import { HttpClient } from "../../support/http-client.ts";
import { readMetrics } from "../../support/worker-metrics.ts";
import { SHAPES } from "../precisions/shapes-answers.ts";
import { printTable } from "../table.ts";
import { LOAD_COLUMNS, measureLoad } from "./client-load.ts";
import { LlamaClients } from "./llama-clients.ts";
import { timeStream } from "./timed-stream.ts";
import type { TimedStream } from "./timed-stream.ts";

const CLIENTS = [1, 8, 32];
const MAX_TOKENS = 96;
/** Beside llama.cpp, which takes minutes for what the others take seconds. */
const PEER_TOKENS = 32;

/** Sides of the picture that is encoded beside a running stream. */
const LARGE_PICTURE = 1024;
const STREAM_TOKENS = 256;

/**
 * Clients at once, every second request about a picture: first token, time per token, tokens per second and
 * the longest stall of a running stream; then how long a stream stalls while a large picture is encoded.
 * Beside it llama.cpp at the same sides, in turn, both on questions without pictures.
 *
 * `qwen3-vl-shapes`, or the checkpoint in a folder, and in which precision.
 */
export async function serve([folder, precision]: readonly string[]): Promise<void> {
  const path = resolve(folder ?? SHAPES);
  await using system = await assembleSystem({
    MODEL: path,
    ...(precision === undefined ? {} : { PRECISION: precision }),
  });
  using server = new Server(system, basename(path));
  await server.prepare();
  await server.ask(false); // what is loaded lazily is loaded
  await server.ask(true);
  const mixed: string[][] = [];
  for (const clients of CLIENTS) {
    mixed.push(await measureLoad({ clients, ask: (number) => server.ask(number % 2 === 1) }));
  }
  printTable([LOAD_COLUMNS, ...mixed]);
  await measureEncoding(server);
  await tellSteps(system);
  await besideLlama(server, path);
}

async function tellSteps({ worker }: AssembledSystem): Promise<void> {
  const metrics = await readMetrics(worker);
  const names = ["qwen3_vl:prefill_step_seconds", "qwen3_vl:decode_step_seconds"];
  for (const name of [...names, "qwen3_vl:media_encode_seconds"]) {
    const mean = (metrics[`${name}_sum`] ?? 0) / (metrics[`${name}_count`] ?? 1);
    console.log(`${name}: ${(mean * 1000).toFixed(1)} ms in the mean`);
  }
}

async function besideLlama(server: Server, path: string): Promise<void> {
  const { text } = (await openCheckpoint(path)).config;
  const llama = await LlamaClients.open(basename(path), text, PEER_TOKENS);
  await llama.ask(PEER_TOKENS);
  const rows: string[][] = [];
  for (const clients of CLIENTS) {
    for (const [name, ask] of [
      ["here", () => server.ask(false, PEER_TOKENS)],
      ["llama.cpp", () => llama.ask(PEER_TOKENS)],
    ] as const) {
      rows.push([name, ...(await measureLoad({ clients, ask }))]);
      console.log(rows.at(-1)?.join("  "));
    }
  }
  console.log("\nwithout pictures; llama.cpp in this process, without HTTP");
  printTable([["", ...LOAD_COLUMNS], ...rows]);
}

/** The system under load, to which each question is new. */
class Server implements Disposable {
  readonly #http: HttpClient;
  readonly #apiKey: string;
  readonly #model: string;
  #shades: readonly { url: string }[] = [];
  #asked = 0;

  constructor({ url, apiKey }: AssembledSystem, model: string) {
    this.#http = new HttpClient(url);
    this.#apiKey = apiKey;
    this.#model = model;
  }

  async prepare(): Promise<void> {
    this.#shades = await pictures(CLIENTS.reduce((sum, clients) => sum + clients, 1) * 2);
  }

  ask(aboutPicture: boolean, maxTokens = MAX_TOKENS): Promise<TimedStream> {
    const number = this.#asked++;
    const pictureUrl = aboutPicture ? this.#shades[number % this.#shades.length]?.url : undefined;
    return this.askAbout(pictureUrl, maxTokens);
  }

  askAbout(pictureUrl: string | undefined, maxTokens: number): Promise<TimedStream> {
    const number = this.#asked++;
    const body = {
      ...longRequest({ maxTokens, stream: true, pictureUrl, number }),
      model: this.#model,
    };
    return timeStream(() =>
      this.#http.post({
        path: CHAT_COMPLETIONS_PATH,
        headers: { Authorization: `Bearer ${this.#apiKey}`, "Content-Type": "application/json" },
        body: JSON.stringify(body),
      }),
    );
  }

  [Symbol.dispose](): void {
    this.#http[Symbol.dispose]();
  }
}

/** A stream alone, and one beside which a large picture is encoded. */
async function measureEncoding(server: Server): Promise<void> {
  const alone = await server.ask(false, STREAM_TOKENS);
  const noise = { type: "gaussian", mean: 128, sigma: 40 } as const;
  const png = await sharp({
    create: {
      width: LARGE_PICTURE,
      height: LARGE_PICTURE,
      channels: 3,
      background: "white",
      noise,
    },
  })
    .png()
    .toBuffer();
  const url = `data:image/png;base64,${png.toString("base64")}`;
  const [beside, picture] = await Promise.all([
    server.ask(false, STREAM_TOKENS),
    server.askAbout(url, 1),
  ]);
  console.log(
    `\na picture of ${LARGE_PICTURE} x ${LARGE_PICTURE}: first token after ${picture.firstMs.toFixed(0)} ms; a stream beside it stalls ${beside.longestGapMs.toFixed(0)} ms at most, alone ${alone.longestGapMs.toFixed(0)} ms`,
  );
}
