import { basename, resolve } from "node:path";

import { CHAT_COMPLETIONS_PATH } from "@qwen3-vl/shared/worker-protocol";
import sharp from "sharp";

import { assembleSystem } from "../../support/assembled-system.ts";
import type { AssembledSystem } from "../../support/assembled-system.ts";
import { longRequest, pictures } from "../../support/chat-requests.ts";
import { HttpClient } from "../../support/http-client.ts";
import { readMetrics } from "../../support/worker-metrics.ts";
import { median, printTable } from "../table.ts";
import { timeStream } from "./timed-stream.ts";
import type { TimedStream } from "./timed-stream.ts";

const CLIENTS = [1, 8, 32];
const REQUESTS_PER_CLIENT = 3;
const MAX_TOKENS = 96;

/** Sides of the picture that is encoded beside a running stream. */
const LARGE_PICTURE = 1024;
const STREAM_TOKENS = 256;

/**
 * Clients at once, every second request about a picture: first token, time per token, tokens per second and the
 * longest stall of a running stream; then how long a stream stalls while a large picture is encoded.
 * `qwen3-vl-shapes`, or the checkpoint in a folder.
 */
export async function serve([folder]: readonly string[]): Promise<void> {
  await using system = await assembleSystem(folder === undefined ? {} : { MODEL: resolve(folder) });
  const server = new Server(system, folder === undefined ? "qwen3-vl-shapes" : basename(folder));
  using _ = server;
  await server.prepare();
  await server.ask(false); // what is loaded lazily is loaded
  await server.ask(true);
  const rows: (string | number)[][] = [
    ["clients", "first token ms", "95 %", "ms a token", "tokens/s", "longest stall ms"],
  ];
  for (const clients of CLIENTS) {
    rows.push(await measure(server, clients));
  }
  printTable(rows);
  await measureEncoding(server);
  const metrics = await readMetrics(system.worker);
  const names = ["qwen3_vl:prefill_step_seconds", "qwen3_vl:decode_step_seconds"];
  for (const name of [...names, "qwen3_vl:media_encode_seconds"]) {
    const mean = (metrics[`${name}_sum`] ?? 0) / (metrics[`${name}_count`] ?? 1);
    console.log(`${name}: ${(mean * 1000).toFixed(1)} ms in the mean`);
  }
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

async function measure(server: Server, clients: number): Promise<(string | number)[]> {
  const streams: TimedStream[] = [];
  const begun = performance.now();
  const client = async (index: number) => {
    for (let request = 0; request < REQUESTS_PER_CLIENT; request++) {
      streams.push(await server.ask((index + request) % 2 === 1));
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  const seconds = (performance.now() - begun) / 1000;
  const firsts = streams.map(({ firstMs }) => firstMs).toSorted((a, b) => a - b);
  return [
    clients,
    median(firsts).toFixed(0),
    (firsts[Math.floor(firsts.length * 0.95)] ?? NaN).toFixed(0),
    median(streams.map(({ restMs, tokens }) => restMs / Math.max(1, tokens - 1))).toFixed(1),
    (streams.reduce((sum, { tokens }) => sum + tokens, 0) / seconds).toFixed(0),
    Math.max(...streams.map(({ longestGapMs }) => longestGapMs)).toFixed(0),
  ];
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
