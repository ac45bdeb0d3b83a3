import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Tracer } from "@opentelemetry/api";
import { SIGNATURE_HEADER, signCall } from "@qwen3-vl/shared/signature";
import { CHAT_COMPLETIONS_PATH } from "@qwen3-vl/shared/worker-protocol";
import type { StoredMedium } from "@qwen3-vl/shared/worker-protocol";

import { Admission } from "../engine/admission.ts";
import type { ChoiceEvent } from "../engine/choices.ts";
import type { GenerationRequest, Generator } from "../engine/generator.ts";
import { snapshotOf } from "../engine/test-sequences.ts";
import type { JobLimits } from "../jobs/jobs.ts";
import { Logger } from "../log.ts";
import { lookUpInSystem } from "../media-fetch/resolve-public.ts";
import { testFetcher } from "../media-fetch/test-fetcher.ts";
import { WebhookPoster } from "../media-fetch/webhook-poster.ts";
import { WorkerFigures } from "../metrics/worker-figures.ts";
import { StoredMedia } from "../stored-media/stored-media.ts";
import { startTracing } from "../tracing/tracing.ts";
import { ChatService } from "./chat-service.ts";
import { RequestMedia } from "./request-media.ts";
import type { Call } from "./test-calls.ts";
import { MULTIPART, announced, multipart } from "./test-multipart.ts";
import { CONTEXT, MODEL, startThreads } from "./test-threads.ts";
import type { TestThreads } from "./test-threads.ts";
import { WorkerServer } from "./worker-server.ts";

export const SECRET = "a secret of at least 32 characters";
const MEMORY = { encoderBytes: 2 ** 26, mediaBytes: 2 ** 26, featureBytes: 2 ** 20 };

export type Script = (
  request: GenerationRequest,
  signal: AbortSignal,
) => AsyncIterable<ChoiceEvent>;

interface StartOptions {
  jobs?: JobLimits;
  places?: number;
  memory?: typeof MEMORY;
  /** Of several workers, one after another; without them it has its own. */
  threads?: TestThreads;
  /** Of its own threads, another than the checkpoint's. */
  template?: string;
  /** Where stored media may be fetched. */
  origin?: string;
  /** Where spans go; nowhere without. */
  tracesUrl?: string;
  logger?: Logger;
}

/** A worker server on a free port, real but for its generator: each test says what that answers. */
export class TestWorker implements Generator {
  answer: Script = () => eventsOf("ok");
  readonly admission: Admission;
  readonly server: WorkerServer;
  readonly service: ChatService;
  readonly stored: StoredMedia;
  readonly #close: () => Promise<void>;
  #port = 0;

  constructor(
    parts: {
      service: ChatService;
      figures: WorkerFigures;
      tracer: Tracer;
      stored: StoredMedia;
      logger: Logger;
      jobs: JobLimits;
    },
    places: number,
    close: () => Promise<void>,
  ) {
    this.admission = new Admission(places);
    this.service = parts.service;
    this.stored = parts.stored;
    this.#close = close;
    this.server = new WorkerServer({
      ...parts,
      generator: this,
      fetcher: testFetcher(),
      poster: new WebhookPoster({
        lookup: lookUpInSystem,
        egressProxy: undefined,
        allowHttpLoopback: true,
      }),
      snapshot: () => snapshotOf(),
      admission: this.admission,
      secret: SECRET,
    });
  }

  static async start(options: StartOptions = {}): Promise<TestWorker> {
    const { places = 4, memory = MEMORY, tracesUrl, origin } = options;
    const { logger = new Logger("silent"), jobs = { maxRunning: 2, maxWaiting: 8 } } = options;
    const threads = options.threads ?? (await startThreads(options.template));
    const { config, generation, tokenizer, vision } = threads.checkpoint;
    const { clips, images, prompts, grammars } = threads;
    const figures = new WorkerFigures();
    const media = new RequestMedia({ clips, images, config: config.vision, memory, figures });
    const model = {
      id: MODEL,
      object: "model",
      created: 1,
      owned_by: "test",
      max_model_len: CONTEXT,
      image: { min_pixels: vision.minPixels, max_pixels: vision.maxPixels },
    } as const;
    const service = new ChatService({ model, media, prompts, grammars, tokenizer, generation });
    const tracing = await startTracing(tracesUrl, logger);
    const folderOfClips = await mkdtemp(join(tmpdir(), "qwen3-vl-clips-"));
    const stored = new StoredMedia({ origin, folder: folderOfClips, maxDiskBytes: 2 ** 30 });
    const parts = { service, figures, tracer: tracing.tracer, stored, logger, jobs };
    const worker = new TestWorker(parts, places, async () => {
      const ownThreads = options.threads === undefined ? [threads.close()] : [];
      await Promise.all([tracing.close(), ...ownThreads]);
      await rm(folderOfClips, { recursive: true, force: true });
    });
    worker.#port = await worker.server.listen("127.0.0.1", 0);
    return worker;
  }

  get port(): number {
    return this.#port;
  }

  generate(request: GenerationRequest, signal: AbortSignal): AsyncIterable<ChoiceEvent> {
    return this.answer(request, signal);
  }

  async stop(): Promise<void> {
    await this.server.drain(0);
    await this.#close();
  }
}

/** One event for each text, then the end. */
export async function* eventsOf(...texts: readonly string[]): AsyncGenerator<ChoiceEvent> {
  for (const [index, text] of texts.entries()) {
    const completionTokens = index + 1;
    const finishReason = completionTokens === texts.length ? "stop" : undefined;
    yield eventOf({ text, completionTokens, finishReason });
  }
}

/** What is known of the first choice. */
export function eventOf(event: Partial<ChoiceEvent>): ChoiceEvent {
  return {
    choice: 0,
    reasoning: "",
    text: "",
    completionTokens: 1,
    reasoningTokens: 0,
    cachedTokens: 0,
    finishReason: undefined,
    ...event,
  };
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
    }
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

export async function signed({ method = "GET", ...call }: Call, content = ""): Promise<Call> {
  const [path = ""] = call.path.split("?");
  const value = await signCall(SECRET, { method, path, content }, new Date());
  return { ...call, method, headers: { ...call.headers, [SIGNATURE_HEADER]: value } };
}

/** A text as a body that comes in small chunks. */
export function streamOf(text: string): ReadableStream<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  const cuts = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, index) => index * 7);
  return ReadableStream.from(cuts.map((cut) => bytes.slice(cut, cut + 7)));
}

export interface Chat {
  id?: string;
  body: Record<string, unknown>;
  media?: readonly Uint8Array[];
  stored?: readonly StoredMedium[];
  path?: string;
  /** More of the part `request`. */
  request?: object;
}

/** The call that the edge makes for a client's body. */
export async function chatCall(chat: Chat): Promise<Call> {
  const { id = randomUUID(), body, media = [], stored = [], path = CHAT_COMPLETIONS_PATH } = chat;
  const parts = media.map((content, index) => ({ name: `media-${index}`, content }));
  const request = JSON.stringify({
    id,
    body: { model: MODEL, messages: [{ role: "user", content: "hi" }], ...body },
    tenant: "tenant",
    ...chat.request,
    media: parts.map(({ name, content }) => announced(name, content)),
    stored,
  });
  const call = {
    method: "POST",
    path,
    headers: { "Content-Type": MULTIPART },
    body: multipart([{ name: "request", content: request }, ...parts]),
  };
  return signed(call, request);
}
