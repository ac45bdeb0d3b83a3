import { CHAT_COMPLETIONS_PATH } from "@qwen3-vl/shared/worker-protocol";

import type { BackendPool } from "../backends/backend-pool.ts";
import { sendToBackend } from "../backends/send-to-backend.ts";
import type { BackendAnswer, BackendCall } from "../backends/send-to-backend.ts";
import type { Logger } from "../observability/logger.ts";
import { NEVER_BEGUN } from "../usage/find-ending.ts";
import type { RequestEnding } from "../usage/usage-records.ts";
import { abortRequest } from "./abort-request.ts";
import { relayBody, relayCompletion } from "./completion-relay.ts";
import type { BodyRelay } from "./completion-relay.ts";
import { EarlyStream } from "./early-stream.ts";
import type { GpuWorker } from "./gpu-worker-client.ts";
import type { OutgoingRequest } from "./worker-request.ts";

export interface CompletionCall {
  pool: BackendPool;
  waitMs: number;
  request: OutgoingRequest;
  /** Whether the client reads server-sent events, and so can be told to wait. */
  isStreamed: boolean;
  /** What `callHeaders` makes of the client's request. */
  headers: Readonly<Record<string, string>>;
  /** Aborts when the client leaves. */
  client: AbortSignal;
  logger: Logger;
  background: BackendCall["background"];
  onFailure?: BackendCall["onFailure"];
}

export interface RunningCompletion {
  answer: Promise<Response>;
  /** How it ended, for the books. Never rejects. */
  ending: Promise<CompletionEnding>;
}

export interface CompletionEnding extends RequestEnding {
  /** Who had the request; undefined when it never reached a worker. */
  worker: GpuWorker | undefined;
}

const CLIENT_LEFT = new Error("The client left.");

/** Sends a chat completion to a GPU worker and follows it to its end, whoever ends it. */
export function runCompletion(call: CompletionCall): RunningCompletion {
  return new Completion(call).run();
}

class Completion {
  readonly #call: CompletionCall;
  readonly #stop = new AbortController();
  readonly #opened = Promise.withResolvers<Response>();
  /** Whom an abort would be for. */
  #worker: GpuWorker | undefined;
  #early: EarlyStream | undefined;

  constructor(call: CompletionCall) {
    this.#call = call;
    const leave = () => this.#stop.abort(CLIENT_LEFT);
    call.client.addEventListener("abort", leave, { once: true });
    if (call.client.aborted) {
      leave();
    }
  }

  run(): RunningCompletion {
    return { ending: this.#follow(), answer: this.#opened.promise };
  }

  async #follow(): Promise<CompletionEnding> {
    const sent = await this.#send();
    if (sent === undefined) {
      const used = (await this.#abortedUsage()) ?? NEVER_BEGUN;
      const outcome = this.#stop.signal.aborted ? "cut_off" : "failed";
      return { ...used, outcome, worker: this.#worker };
    }
    const relay = await this.#relay(sent.response);
    const outcome = await relay.outcome;
    sent.leave();
    await nextTurn();
    const isBrokenOff = outcome !== "completed" && sent.response.ok;
    const exact = isBrokenOff ? await this.#abortedUsage() : undefined;
    return { ...(exact ?? relay.used()), outcome, worker: this.#worker };
  }

  /** Undefined when no worker answers; the client is told. */
  async #send(): Promise<BackendAnswer | undefined> {
    const { request, headers, isStreamed, pool, waitMs, background } = this.#call;
    const { conversation, signedContent, contentType, body } = request;
    const path = CHAT_COMPLETIONS_PATH;
    const signed = { method: "POST", path, signedContent, contentType, body } as const;
    try {
      return await sendToBackend({
        pool,
        waitMs,
        background,
        conversation,
        call: { ...signed, headers, signal: this.#stop.signal },
        onAttempt: (worker) => {
          this.#worker = worker;
        },
        onFailure: (worker, kind) => {
          this.#worker = undefined;
          this.#call.onFailure?.(worker, kind);
        },
        onWait: () => {
          if (isStreamed) {
            this.#openEarly();
          }
        },
      });
    } catch (error) {
      await this.#early?.fail(error);
      this.#opened.reject(error);
      return undefined;
    }
  }

  #openEarly(): void {
    this.#early ??= new EarlyStream((reason) => this.#stop.abort(reason));
    this.#opened.resolve(this.#early.answer);
  }

  async #relay(response: Response): Promise<BodyRelay> {
    const early = this.#early;
    if (early === undefined) {
      const relay = relayCompletion(response, this.#stop);
      this.#opened.resolve(relay.answer);
      return relay;
    }
    if (response.ok) {
      return relayBody(response, early.take(), this.#stop);
    }
    await early.refuse(response).catch((error: unknown) => early.fail(error));
    const outcome = response.status < 500 ? "refused" : "failed";
    return { outcome: Promise.resolve(outcome), used: () => NEVER_BEGUN };
  }

  /** Closing the connection stops the GPU too; this makes sure, and learns what was used until then. */
  async #abortedUsage(): Promise<RequestEnding | undefined> {
    const { request, logger } = this.#call;
    try {
      return this.#worker && (await abortRequest(this.#worker, request.id));
    } catch (cause) {
      logger.warn("abort_failed", { workerRequestId: request.id, cause });
      return undefined;
    }
  }
}

/** The answer's last bytes leave first, then the books are closed: else a client waits for them, measured 4 ms. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}
