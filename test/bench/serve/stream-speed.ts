import type { IncomingMessage } from "node:http";

import { CHAT_COMPLETIONS_PATH } from "@qwen3-vl/shared/worker-protocol";

import type { AssembledSystem } from "../../support/assembled-system.ts";
import { longRequest, pictures } from "../../support/chat-requests.ts";
import type { Picture, Subject } from "../../support/chat-requests.ts";
import { HttpClient } from "../../support/http-client.ts";
import { median, printTable } from "../table.ts";

const MAX_TOKENS = 128;
const ROUNDS = 10;

/** Each is measured once a round, so that a slow moment of the machine meets all of them. */
const LOADS = [
  { subject: "text", clients: 1 },
  { subject: "text", clients: 8 },
  { subject: "picture", clients: 1 },
  { subject: "picture", clients: 8 },
] as const satisfies readonly { subject: Subject; clients: number }[];

interface Stream {
  /** From the request to the first text. */
  firstMs: number;
  /** Tokens after the first text, for each second after it. */
  tokensPerSecond: number;
  tokens: number;
}

interface Round {
  streams: readonly Stream[];
  /** Tokens of all streams for each second from the first request to the last end. */
  tokensPerSecond: number;
}

/** Time to first token and tokens per second; every prompt and picture is new to the caches. */
export async function measureStreams({ url, apiKey }: AssembledSystem): Promise<void> {
  using http = new HttpClient(url);
  const bodies = await newBodies();
  const ask = (subject: Subject) =>
    http.post({
      path: CHAT_COMPLETIONS_PATH,
      headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
      body: bodies[subject].next().value,
    });
  const rounds = LOADS.map(() => [] as Round[]);
  for (let round = -1; round < ROUNDS; round++) {
    for (const [index, { subject, clients }] of LOADS.entries()) {
      const measured = await measureRound(() => ask(subject), clients);
      if (round >= 0) {
        rounds[index]?.push(measured); // the round before the first one only warms up
      }
    }
  }
  const head = ["subject", "clients", "first token ms", "tokens/s a stream", "tokens/s in all"];
  printTable([
    head,
    ...LOADS.map(({ subject, clients }, index) => [
      subject,
      clients,
      ...figures(rounds[index] ?? []),
    ]),
  ]);
}

function figures(rounds: readonly Round[]): string[] {
  const streams = rounds.flatMap((round) => round.streams);
  return [
    median(streams.map(({ firstMs }) => firstMs)).toFixed(1),
    median(streams.map(({ tokensPerSecond }) => tokensPerSecond)).toFixed(0),
    median(rounds.map(({ tokensPerSecond }) => tokensPerSecond)).toFixed(0),
  ];
}

async function measureRound(ask: () => Promise<IncomingMessage>, clients: number): Promise<Round> {
  const start = performance.now();
  const streams = await Promise.all(Array.from({ length: clients }, () => measureStream(ask)));
  const seconds = (performance.now() - start) / 1000;
  const tokens = streams.reduce((sum, stream) => sum + stream.tokens, 0);
  return { streams, tokensPerSecond: tokens / seconds };
}

async function measureStream(ask: () => Promise<IncomingMessage>): Promise<Stream> {
  const start = performance.now();
  const answer = await ask();
  let first = { at: NaN, tokens: 0 };
  let events = "";
  for await (const chunk of answer) {
    events += String(chunk);
    if (Number.isNaN(first.at) && /"content":"[^"]/.test(events)) {
      first = { at: performance.now(), tokens: tokensIn(events) };
    }
  }
  if (!events.endsWith("data: [DONE]\n\n")) {
    throw new Error(`status ${answer.statusCode}, ended with ${events.slice(-200)}`);
  }
  const tokens = tokensIn(events);
  const seconds = (performance.now() - first.at) / 1000;
  return {
    firstMs: first.at - start,
    tokensPerSecond: (tokens - first.tokens) / seconds,
    tokens,
  };
}

/** The worker numbers each event by the tokens so far. */
function tokensIn(events: string): number {
  return Number(/.*^id: (\d+)$/ms.exec(events)?.[1] ?? 0);
}

/** Bodies for each subject, of which no two share their beginnings. */
async function newBodies(): Promise<Record<Subject, Generator<string, never>>> {
  const shown = LOADS.filter(({ subject }) => subject === "picture");
  const clients = shown.reduce((sum, load) => sum + load.clients, 0);
  const shades = await pictures(clients * (ROUNDS + 1));
  return { text: bodiesAbout([]), picture: bodiesAbout(shades) };
}

function* bodiesAbout(shades: readonly Picture[]): Generator<string, never> {
  for (let number = 0; ; number++) {
    const pictureUrl = shades[number]?.url;
    yield JSON.stringify(longRequest({ maxTokens: MAX_TOKENS, stream: true, pictureUrl, number }));
  }
}
