import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

import { CHAT_COMPLETIONS_PATH } from "@qwen3-vl/shared/worker-protocol";

import { seededRandom } from "../../gpu-worker/src/engine/random.ts";
import type { Random } from "../../gpu-worker/src/engine/random.ts";
import { longRequest, pictures } from "./chat-requests.ts";
import type { Picture } from "./chat-requests.ts";
import { HttpClient } from "./http-client.ts";

export interface LoadOptions {
  url: string;
  apiKey: string;
  /** Clients at once; each third of them leaves all its requests. */
  clients: number;
  seconds: number;
  seed: number;
}

/** How requests ended (`200`, `503`, `left`, or what went wrong) and how many did so. */
type Endings = Record<string, number>;

const MAX_TOKENS = 160;

/** Few enough that the same questions come again, as the caches like it, and others, as they do not. */
const PICTURES = 8;
const NUMBERS = 8;

/** A client that leaves does so within this time: before the headers, in mid-stream, seldom after the end. */
const LONGEST_STAY_MS = 1500;

/** What a client waits that was sent away. */
const REFUSED_PAUSE_MS = 200;

/** Keeps so many clients busy for so long: text and pictures, streamed and not. Never rejects. */
export async function runLoad({ url, apiKey, clients, seconds, seed }: LoadOptions) {
  using http = new HttpClient(url);
  const shown = await pictures(PICTURES);
  const endings: Endings = {};
  const end = Date.now() + seconds * 1000;
  const client = async (index: number) => {
    const random = seededRandom(seed * clients + index);
    while (Date.now() < end) {
      const ending = await askOnce({ http, apiKey, random, shown, leaves: index % 3 === 0 });
      endings[ending] = (endings[ending] ?? 0) + 1;
      if (ending === "429" || ending === "503") {
        await sleep(REFUSED_PAUSE_MS);
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
  return endings;
}

interface Client {
  http: HttpClient;
  apiKey: string;
  random: Random;
  /** What it may ask about. */
  shown: readonly Picture[];
  leaves: boolean;
}

async function askOnce({ http, apiKey, random, shown, leaves }: Client): Promise<string> {
  const stream = random() < 0.5;
  const body = longRequest({
    maxTokens: 1 + whole(random, MAX_TOKENS),
    stream,
    pictureUrl: random() < 0.5 ? shown[whole(random, PICTURES)]?.url : undefined,
    number: whole(random, NUMBERS),
  });
  const stay = whole(random, LONGEST_STAY_MS);
  const signal = leaves ? AbortSignal.timeout(stay) : undefined;
  try {
    const answer = await http.post({
      path: CHAT_COMPLETIONS_PATH,
      headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
      signal,
    });
    return await endingOf(answer, stream);
  } catch (error) {
    return signal?.aborted === true ? "left" : `no whole answer: ${String(error)}`;
  }
}

/** The status, unless a stream that began well ended badly. */
async function endingOf(answer: IncomingMessage, stream: boolean): Promise<string> {
  const body = await text(answer);
  if (answer.statusCode !== 200 || !stream) {
    return String(answer.statusCode);
  }
  return body.endsWith("data: [DONE]\n\n") ? "200" : `stream ended with ${body.slice(-200)}`;
}

/** 0 to `count - 1` */
function whole(random: Random, count: number): number {
  return Math.floor(random() * count);
}
