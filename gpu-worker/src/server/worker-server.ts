import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { promisify } from "node:util";

import type { Tracer } from "@opentelemetry/api";
import { ApiError, toApiError } from "@qwen3-vl/shared/errors";
import { SIGNATURE_HEADER, verifyCall } from "@qwen3-vl/shared/signature";
import { TRACEPARENT_HEADER } from "@qwen3-vl/shared/traceparent";
import { SEGMENTS_PATH, WORKER_JOBS_PATH, WorkerJob } from "@qwen3-vl/shared/worker-jobs";
import {
  WORKER_BUSY_HEADER,
  WORKER_LOAD_HEADER,
  formatWorkerLoad,
} from "@qwen3-vl/shared/worker-load";
import {
  CHAT_COMPLETIONS_PATH,
  ESTIMATE_PATH,
  HEALTH_PATH,
  MODELS_PATH,
} from "@qwen3-vl/shared/worker-protocol";
import { WEBHOOK_ATTEMPTS_PATH } from "@qwen3-vl/shared/worker-webhooks";

import { BusyError } from "../engine/admission.ts";
import type { Admission } from "../engine/admission.ts";
import type { EngineSnapshot } from "../engine/engine-snapshot.ts";
import type { Generator } from "../engine/generator.ts";
import { Jobs } from "../jobs/jobs.ts";
import type { JobLimits } from "../jobs/jobs.ts";
import type { Logger } from "../log.ts";
import type { MediaFetcher } from "../media-fetch/media-fetcher.ts";
import type { WebhookPoster } from "../media-fetch/webhook-poster.ts";
import { METRICS_PATH, METRICS_TYPE, formatMetrics } from "../metrics/metrics.ts";
import type { WorkerFigures } from "../metrics/worker-figures.ts";
import type { StoredMedia } from "../stored-media/stored-media.ts";
import { ChatCompletions } from "./chat-completions.ts";
import type { ChatService } from "./chat-service.ts";
import { Completions } from "./completions.ts";
import { completeJob } from "./job-completion.ts";
import { readSignedJson } from "./read-signed-json.ts";
import { logWhenEnded } from "./request-line.ts";
import { RequestRegistry } from "./request-registry.ts";
import { Segments } from "./segments.ts";
import { sendError, sendJson } from "./send-json.ts";
import { sendModels } from "./send-models.ts";
import { attemptWebhook } from "./webhook-attempts.ts";

export interface WorkerServerOptions {
  service: ChatService;
  generator: Generator;
  /** What the engine is busy with, for `/metrics`. */
  snapshot: () => EngineSnapshot;
  figures: WorkerFigures;
  /** Fetches what the edge leaves to be fetched here. */
  fetcher: MediaFetcher;
  /** Sends what the edge leaves to be sent here. */
  poster: WebhookPoster;
  admission: Admission;
  stored: StoredMedia;
  tracer: Tracer;
  logger: Logger;
  jobs: JobLimits;
  /** Shared with the edge; every route but the probes wants calls signed with it. */
  secret: string;
}

interface Call {
  incoming: IncomingMessage;
  response: ServerResponse;
  method: string;
  path: string;
}

/** What aborted answers get to reach their clients; then those that do not read or send are cut off. */
const FAREWELL_MS = 500;

/** What the ends of aborted jobs get to be taken. */
const LAST_REPORTS_MS = 2500;

/**
 * Longer than whoever calls keeps an idle connection (workerd 5 s, cloudflared 90 s): a call that is
 * sent while we close the connection would be lost.
 */
const KEEP_ALIVE_MS = 100_000;

const ABORT_ROUTE = /^\/v1\/requests\/([\w-]{1,128})\/abort$/;
const JOB_ROUTE = /^\/v1\/jobs\/([\w-]{1,128})$/;
const REQUEST_ROUTE = /^\/v1\/requests\/([\w-]{1,128})$/;

/** The worker protocol over HTTP. */
export class WorkerServer {
  readonly #options: WorkerServerOptions;
  readonly #registry = new RequestRegistry();
  readonly #jobs: Jobs;
  readonly #chat: ChatCompletions;
  readonly #segments: Segments;
  readonly #server: Server;
  #isDraining = false;
  /** @throws ApiError unless the call with this content was signed */
  readonly #verify = (incoming: IncomingMessage, content: string): Promise<void> => {
    const header = incoming.headers[SIGNATURE_HEADER.toLowerCase()];
    return verifyCall(
      this.#options.secret,
      {
        method: incoming.method ?? "GET",
        path: (incoming.url ?? "/").split("?", 1)[0] ?? "/",
        content,
      },
      typeof header === "string" ? header : undefined,
      new Date(),
    );
  };

  constructor(options: WorkerServerOptions) {
    this.#options = options;
    const completions = new Completions(options);
    this.#jobs = new Jobs({
      ...options,
      ...options.jobs,
      registry: this.#registry,
      answer: (job) => completeJob({ ...options, completions }, job),
    });
    this.#segments = new Segments({ ...options, completions, verify: this.#verify });
    this.#chat = new ChatCompletions({
      ...options,
      completions,
      registry: this.#registry,
      verify: this.#verify,
    });
    this.#server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (incoming, response) => {
      void this.#respond(incoming, response);
    });
  }

  /** @returns the port, which the system chose when it was 0 */
  async listen(host: string, port: number): Promise<number> {
    this.#server.listen(port, host);
    await once(this.#server, "listening");
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  /** Takes no more requests, lets running ones end for so long, aborts the rest, and hangs up. Jobs that wait are given up. */
  async drain(milliseconds: number): Promise<void> {
    this.#isDraining = true;
    const closed = new Promise((resolve) => {
      this.#server.close(resolve);
    });
    const jobs = this.#jobs.drain();
    const timers = [
      setTimeout(() => this.#registry.abortAll(), milliseconds),
      setTimeout(() => this.#server.closeAllConnections(), milliseconds + FAREWELL_MS),
      setTimeout(() => this.#jobs.hangUp(), milliseconds + LAST_REPORTS_MS),
    ];
    await Promise.all([closed, jobs]);
    for (const timer of timers) {
      clearTimeout(timer);
    }
  }

  async #respond(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => undefined); // the client left; its request is aborted on `close`
    response.on("close", () => {
      if (this.#isDraining) {
        this.#server.closeIdleConnections(); // else kept alive for 100 s more
      }
    });
    logWhenEnded(this.#options.logger, incoming, response);
    this.#tellLoad(response);
    try {
      await this.#route({
        incoming,
        response,
        method: incoming.method ?? "GET",
        path: (incoming.url ?? "/").split("?", 1)[0] ?? "/",
      });
    } catch (error) {
      this.#sendFailure(response, error);
    }
  }

  async #route(call: Call): Promise<void> {
    const { incoming, response, method, path } = call;
    const abortedId = ABORT_ROUTE.exec(path)?.[1];
    const askedId = REQUEST_ROUTE.exec(path)?.[1];
    const jobId = JOB_ROUTE.exec(path)?.[1];
    if (path === "/health") {
      sendJson(response, 200, { status: "ok" });
    } else if (path === "/ready") {
      sendJson(response, this.#isDraining ? 503 : 200, { ready: !this.#isDraining });
    } else if (path === CHAT_COMPLETIONS_PATH && method === "POST") {
      this.#assertOpen();
      await this.#chat.handle(incoming, response);
    } else if (path === ESTIMATE_PATH && method === "POST") {
      this.#assertOpen();
      await this.#chat.estimate(incoming, response);
    } else if (path === WEBHOOK_ATTEMPTS_PATH && method === "POST") {
      const { poster } = this.#options;
      await attemptWebhook(incoming, response, { poster, verify: this.#verify });
    } else if (abortedId !== undefined && method === "POST") {
      await this.#verify(incoming, "");
      sendKnown(response, `request ${abortedId}`, await this.#registry.abort(abortedId));
    } else if (askedId !== undefined && method === "GET") {
      await this.#verify(incoming, "");
      sendKnown(response, `request ${askedId}`, this.#registry.find(askedId));
    } else if (path === WORKER_JOBS_PATH && method === "POST") {
      const { value, bytes } = await readSignedJson(incoming, WorkerJob, { verify: this.#verify });
      const traceparent = incoming.headers[TRACEPARENT_HEADER]?.toString();
      sendJson(response, 202, this.#jobs.accept(value, { bytes, traceparent }));
    } else if (path === SEGMENTS_PATH && method === "POST") {
      this.#assertOpen();
      await this.#segments.handle(incoming, response);
    } else if (jobId !== undefined && method === "GET") {
      await this.#verify(incoming, "");
      sendKnown(response, `job ${jobId}`, this.#jobs.find(jobId));
    } else if (path === MODELS_PATH || path.startsWith(`${MODELS_PATH}/`)) {
      await this.#verify(incoming, "");
      sendModels(response, path, this.#options.service.model);
    } else if (path === HEALTH_PATH && method === "GET") {
      await this.#verify(incoming, "");
      this.#sendHealth(response);
    } else if (path === METRICS_PATH && method === "GET") {
      await this.#verify(incoming, "");
      await this.#sendMetrics(response);
    } else {
      throw new ApiError("not_found", `No route ${method} ${path}.`);
    }
  }

  /** Whether a request that came now would be let in. */
  #sendHealth(response: ServerResponse): void {
    const { inside, places } = this.#options.admission;
    const isReady = !this.#isDraining && inside < places;
    sendJson(response, isReady ? 200 : 503, { status: isReady ? "ready" : "busy" });
  }

  /** What whoever chooses between workers wants to know, on every answer. */
  #tellLoad(response: ServerResponse): void {
    const { admission, snapshot } = this.#options;
    const load = { requests: admission.inside, slots: snapshot().slots, places: admission.places };
    response.setHeader(WORKER_LOAD_HEADER, formatWorkerLoad(load));
  }

  async #sendMetrics(response: ServerResponse): Promise<void> {
    const { admission, snapshot, figures } = this.#options;
    const countConnections = promisify(this.#server.getConnections.bind(this.#server));
    const connections = await countConnections();
    const engine = snapshot();
    const { waiting, running } = this.#jobs;
    const jobs = { waiting, running };
    const state = { engine, figures, admittedRequests: admission.inside, jobs, connections };
    response.writeHead(200, { "Content-Type": METRICS_TYPE });
    response.end(formatMetrics(state));
  }

  #assertOpen(): void {
    if (this.#isDraining) {
      throw new BusyError("The server is shutting down.", 1);
    }
  }

  #sendFailure(response: ServerResponse, error: unknown): void {
    const apiError = toApiError(error);
    if (apiError.code === "internal") {
      this.#options.logger.error("request failed", { error });
    }
    if (response.headersSent) {
      response.destroy();
    } else if (!response.destroyed) {
      if (apiError instanceof BusyError) {
        response.setHeader(WORKER_BUSY_HEADER, "1");
      }
      sendError(response, apiError);
    }
  }
}

function sendKnown(response: ServerResponse, name: string, value: object | undefined): void {
  if (value === undefined) {
    throw new ApiError("not_found", `No ${name} is known.`);
  }
  sendJson(response, 200, value);
}
