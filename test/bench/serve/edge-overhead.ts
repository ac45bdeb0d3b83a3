import { randomUUID } from "node:crypto";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

import { parseChatRequest } from "@qwen3-vl/shared/chat";
import { SIGNATURE_HEADER, signCall } from "@qwen3-vl/shared/signature";
import { CHAT_COMPLETIONS_PATH } from "@qwen3-vl/shared/worker-protocol";

import { toWorkerRequest } from "../../../edge/src/inference/worker-request.ts";
import type { AssembledSystem } from "../../support/assembled-system.ts";
import { longRequest, pictures } from "../../support/chat-requests.ts";
import type { Picture, Subject } from "../../support/chat-requests.ts";
import { HttpClient } from "../../support/http-client.ts";
import type { Post } from "../../support/http-client.ts";
import { median, printTable } from "../table.ts";

const ROUNDS = 100;
const WARM_UP_ROUNDS = 10;

/** The streams measured before have had those below, and what the caches know is faster. */
const FIRST_NUMBER = 512;

/** After an answer the edge writes its usage record; the next request must not wait for that. */
const PAUSE_MS = 10;

/** The same request as the GPU worker and as the edge take it, ready to be sent. */
interface Pair {
  direct: Post;
  throughEdge: Post;
}

/** Milliseconds of the two. */
interface Times {
  direct: number;
  throughEdge: number;
}

/** Milliseconds of a request for one token, in turn directly to the GPU worker and through the edge. */
export async function measureEdgeOverhead(system: AssembledSystem): Promise<void> {
  using worker = new HttpClient(system.worker.url);
  using edge = new HttpClient(system.url);
  const shades = await pictures(ROUNDS + WARM_UP_ROUNDS, FIRST_NUMBER);
  const rows: string[][] = [];
  for (const subject of ["text", "picture"] as const satisfies Subject[]) {
    const times: Times[] = [];
    for (const [round, shade] of shades.entries()) {
      const picture = subject === "picture" ? shade : undefined;
      const pair = await prepare(system, FIRST_NUMBER + round, picture);
      const time = await timePair({ worker, edge }, pair, round % 2 === 0);
      if (round >= WARM_UP_ROUNDS) {
        times.push(time);
      }
    }
    const direct = median(times.map((pair) => pair.direct));
    const throughEdge = median(times.map((pair) => pair.throughEdge));
    const added = median(times.map((pair) => pair.throughEdge - pair.direct));
    rows.push([subject, ...[direct, throughEdge, added].map((ms) => ms.toFixed(2))]);
  }
  printTable([["one token", "worker ms", "through the edge ms", "edge adds ms"], ...rows]);
}

/** The caches of the two are apart: they belong to tenants, and the edge's is its API key. */
async function prepare(
  { apiKey, worker }: AssembledSystem,
  number: number,
  picture: Picture | undefined,
): Promise<Pair> {
  const body = longRequest({ maxTokens: 1, stream: false, pictureUrl: picture?.url, number });
  const outgoing = await toWorkerRequest(
    { id: randomUUID(), tenant: "direct" },
    parseChatRequest(body),
    picture === undefined ? [] : [{ ...picture, type: "image/png" }],
  );
  const call = { method: "POST", path: CHAT_COMPLETIONS_PATH, content: outgoing.signedContent };
  return {
    direct: {
      path: CHAT_COMPLETIONS_PATH,
      headers: {
        "Content-Type": outgoing.contentType,
        [SIGNATURE_HEADER]: await signCall(worker.secret, call, new Date()),
      },
      body: Buffer.from(await new Response(outgoing.body()).arrayBuffer()),
    },
    throughEdge: {
      path: CHAT_COMPLETIONS_PATH,
      headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    },
  };
}

/** Who comes second may find the machine warmer, so each is first in half of the rounds. */
async function timePair(
  { worker, edge }: { worker: HttpClient; edge: HttpClient },
  pair: Pair,
  directFirst: boolean,
): Promise<Times> {
  if (directFirst) {
    const direct = await timeAnswer(worker, pair.direct);
    return { direct, throughEdge: await timeAnswer(edge, pair.throughEdge) };
  }
  const throughEdge = await timeAnswer(edge, pair.throughEdge);
  return { throughEdge, direct: await timeAnswer(worker, pair.direct) };
}

async function timeAnswer(http: HttpClient, post: Post): Promise<number> {
  const start = performance.now();
  const answer = await http.post(post);
  const body = await text(answer);
  const ms = performance.now() - start;
  if (answer.statusCode !== 200) {
    throw new Error(`status ${answer.statusCode}: ${body}`);
  }
  await sleep(PAUSE_MS);
  return ms;
}
