import { CHAT_COMPLETIONS_PATH } from "@qwen3-vl/shared/worker-protocol";

import type { Logger } from "../observability/logger.ts";
import { NEVER_BEGUN } from "../usage/find-ending.ts";
import type { RequestEnding } from "../usage/usage-records.ts";
import { abortRequest } from "./abort-request.ts";
import { relayCompletion } from "./completion-relay.ts";
import type { CompletionRelay } from "./completion-relay.ts";
import { callGpuWorker } from "./gpu-worker-client.ts";
import type { GpuWorker } from "./gpu-worker-client.ts";
import type { OutgoingRequest } from "./worker-request.ts";

export interface CompletionCall {
  worker: GpuWorker;
  request: OutgoingRequest;
  /** The client's header. */
  traceparent: string | undefined;
  /** Aborts when the client leaves. */
  client: AbortSignal;
  logger: Logger;
}

export interface RunningCompletion {
  answer: Promise<Response>;
  /** How it ended, for the books. Never rejects. */
  ending: Promise<RequestEnding>;
}

const CLIENT_LEFT = new Error("The client left.");

/** Sends a chat completion to its GPU worker and follows it to its end, whoever ends it. */
export function runCompletion(call: CompletionCall): RunningCompletion {
  const { worker, request, traceparent, client } = call;
  const stop = new AbortController();
  const leave = () => stop.abort(CLIENT_LEFT);
  client.addEventListener("abort", leave, { once: true });
  if (client.aborted) {
    leave();
  }

  const relay = callGpuWorker(worker, {
    ...request,
    method: "POST",
    path: CHAT_COMPLETIONS_PATH,
    traceparent,
    signal: stop.signal,
  }).then((response) => relayCompletion(response, stop));

  return { answer: relay.then(({ answer }) => answer), ending: follow(relay, call) };
}

async function follow(
  sent: Promise<CompletionRelay>,
  call: CompletionCall,
): Promise<RequestEnding> {
  const relay = await sent.catch(() => undefined);
  if (relay === undefined) {
    const used = (await abortedUsage(call)) ?? NEVER_BEGUN;
    return { ...used, outcome: call.client.aborted ? "cut_off" : "failed" };
  }
  const outcome = await relay.outcome;
  const isBrokenOff = outcome !== "completed" && relay.answer.ok;
  const exact = isBrokenOff ? await abortedUsage(call) : undefined;
  return { ...(exact ?? relay.used()), outcome };
}

/** Closing the connection stops the GPU too; this makes sure, and learns what was used until then. */
async function abortedUsage({
  worker,
  request,
  logger,
}: CompletionCall): Promise<RequestEnding | undefined> {
  try {
    return await abortRequest(worker, request.id);
  } catch (cause) {
    logger.warn("abort_failed", { workerRequestId: request.id, cause });
    return undefined;
  }
}
