import { randomUUID } from "node:crypto";
import { buffer, text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

import { parseChatRequest } from "@qwen3-vl/shared/chat";
import { SIGNATURE_HEADER, signCall } from "@qwen3-vl/shared/signature";
import { CHAT_COMPLETIONS_PATH } from "@qwen3-vl/shared/worker-protocol";

import { toWorkerRequest } from "../../edge/src/inference/worker-request.ts";
import type { AssembledSystem } from "../support/assembled-system.ts";
import { longRequest, pictures } from "../support/chat-requests.ts";
import type { Picture, Subject } from "../support/chat-requests.ts";
import { HttpClient } from "../support/http-client.ts";
import type { Post } from "../support/http-client.ts";
import { median, printTable } from "./table.ts";

const ROUNDS = 100;
const WARM_UP_ROUNDS = 10;

/** After an answer the edge writes its usage record; the next request must not wait for that. */
const PAUSE_MS = 10;

/** The same request as the GPU worker and as the edge take it, ready to be sent. */
interface Pair {
  direct: Post;
  throughEdge: Post;
}

/** Milliseconds of a request for one token, in turn directly to the GPU worker and through the edge. */
export async function measureEdgeOverhead(system: AssembledSystem): Promise<void> {
  using worker = new HttpClient(system.worker.url);
  using edge = new HttpClient(system.url);
  const shades = await pictures(ROUNDS + WARM_UP_ROUNDS);
  const rows: string[][] = [];
  for (const subject of ["text", "picture"] as const satisfies Subject[]) {
    const times: { direct: number; throughEdge: number }[] = [];
    for (const [number, shade] of shades.entries()) {
      const pair = await prepare(system, number, subject === "picture" ? shade : undefined);
      const time = {
        direct: await timeAnswer(worker, pair.direct),
        throughEdge: await timeAnswer(edge, pair.throughEdge),
      };
      if (number >= WARM_UP_ROUNDS) {
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
      body: await buffer(outgoing.body),
    },
    throughEdge: {
      path: CHAT_COMPLETIONS_PATH,
      headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
      body: JSON.stringify(body),
    },
  };
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
