import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";

import { Usage } from "@qwen3-vl/shared/usage";
import { CHAT_COMPLETIONS_PATH } from "@qwen3-vl/shared/worker-protocol";
import * as z from "zod";

import type { Random } from "../../../gpu-worker/src/engine/random.ts";
import { MODEL } from "../evaluation.ts";
import { HttpClient } from "../http-client.ts";
import type { BookedKey } from "./key-rows.ts";

/** What a client was told of one request: its usage, its refusal, or nothing whole. */
export type Told = { requestId: string; key: BookedKey } & (
  | { kind: "answered"; usage: Usage }
  | { kind: "refused"; status: number }
  | { kind: "broken" }
);

export interface BookedLoad {
  url: string;
  keys: readonly BookedKey[];
  requests: number;
  clients: number;
  random: Random;
  /** A picture as a `data:` URL. */
  picture: string;
  /** Called before each request with its number; the request waits for it. */
  beforeRequest: (number: number) => Promise<void>;
}

/** A client that leaves does so within this time. */
const LONGEST_STAY_MS = 400;

/** Asks so often with random keys: streamed or not, with pictures or faults, some leaving. Never rejects. */
export async function runBookedLoad(load: BookedLoad): Promise<Told[]> {
  using http = new HttpClient(load.url);
  const told: Told[] = [];
  let next = 0;
  const client = async () => {
    while (next < load.requests) {
      const number = next++;
      await load.beforeRequest(number);
      told.push(await askOnce(http, load, number));
    }
  };
  await Promise.all(Array.from({ length: load.clients }, client));
  return told;
}

async function askOnce(http: HttpClient, load: BookedLoad, number: number): Promise<Told> {
  const { keys, random } = load;
  const key = keys[Math.floor(random() * keys.length)];
  if (key === undefined) {
    throw new Error("expected keys");
  }
  const requestId = `books-${number}`;
  const stream = random() < 0.5;
  const leaves = random() < 0.2;
  const body = JSON.stringify(bodyOf(load, stream));
  const signal = leaves ? AbortSignal.timeout(Math.floor(random() * LONGEST_STAY_MS)) : undefined;
  try {
    const answer = await http.post({
      path: CHAT_COMPLETIONS_PATH,
      headers: {
        Authorization: `Bearer ${key.secret}`,
        "Content-Type": "application/json",
        "X-Request-Id": requestId,
      },
      body,
      signal,
    });
    return { requestId, key, ...(await readAnswer(answer, stream)) };
  } catch {
    return { requestId, key, kind: "broken" };
  }
}

function bodyOf({ random, picture }: BookedLoad, stream: boolean): object {
  const image = { type: "image_url", image_url: { url: picture } };
  const question = { type: "text", text: `Describe it, number ${Math.floor(random() * 50)}.` };
  const isFaulty = random() < 0.05;
  return {
    model: random() < 0.03 ? "no-such-model" : MODEL,
    messages: [{ role: "user", content: random() < 0.15 ? [image, question] : [question] }],
    max_tokens: isFaulty ? -1 : 1 + Math.floor(random() * 12),
    ignore_eos: true,
    stream,
    ...(stream ? { stream_options: { include_usage: true } } : {}),
  };
}

const WithUsage = z.object({ usage: Usage });

type Reading =
  | { kind: "answered"; usage: Usage }
  | { kind: "refused"; status: number }
  | { kind: "broken" };

/** @throws Error when the answer breaks off */
async function readAnswer(answer: IncomingMessage, stream: boolean): Promise<Reading> {
  const body = await text(answer);
  const status = answer.statusCode ?? 0;
  if (status !== 200) {
    return { kind: "refused", status };
  }
  if (!stream) {
    return { kind: "answered", usage: WithUsage.parse(JSON.parse(body)).usage };
  }
  if (!body.endsWith("data: [DONE]\n\n")) {
    return { kind: "broken" };
  }
  const last = body.split("\n").findLast((line) => line.startsWith("data: {"));
  return {
    kind: "answered",
    usage: WithUsage.parse(JSON.parse(last?.slice("data: ".length) ?? "")).usage,
  };
}
