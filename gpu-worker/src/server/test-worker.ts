import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import type { ClientRequest, IncomingMessage, Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Tracer } from "@opentelemetry/api";
import { SIGNATURE_HEADER, signCall } from "@qwen3-vl/shared/signature";
import { CHAT_COMPLETIONS_PATH } from "@qwen3-vl/shared/worker-protocol";
import type { StoredMedium } from "@qwen3-vl/shared/worker-protocol";

import { openCheckpoint } from "../checkpoint.ts";
import { Admission } from "../engine/admission.ts";
import type { ChoiceEvent } from "../engine/choices.ts";
import type { GenerationRequest, Generator } from "../engine/generator.ts";
import { snapshotOf } from "../engine/test-sequences.ts";
import { Grammars } from "../grammar/grammars.ts";
import { tokenTable } from "../grammar/token-table.ts";
import { Logger } from "../log.ts";
import { lookUpInSystem } from "../media-fetch/resolve-public.ts";
import { testFetcher } from "../media-fetch/test-fetcher.ts";
import { WebhookPoster } from "../media-fetch/webhook-poster.ts";
import { WorkerFigures } from "../metrics/worker-figures.ts";
import { PromptThread } from "../prompt/prompt-thread.ts";
import { StoredMedia } from "../stored-media/stored-media.ts";
import { startTracing } from "../tracing/tracing.ts";
import { ClipPreprocessor } from "../vision/clip-preprocessor.ts";
import { ImagePreprocessor } from "../vision/image-preprocessor.ts";
import { ChatService } from "./chat-service.ts";
import { RequestMedia } from "./request-media.ts";
import { WorkerServer } from "./worker-server.ts";

export const SECRET = "a secret of at least 32 characters";
export const MODEL = "qwen3-vl-shapes";
export const CONTEXT = 512;

const MEMORY = { encoderBytes: 2 ** 26, mediaBytes: 2 ** 26, featureBytes: 2 ** 20 };

const folder = join(import.meta.dirname, "../../../models", MODEL);

export type Script = (
  request: GenerationRequest,
  signal: AbortSignal,
) => AsyncIterable<ChoiceEvent>;

interface StartOptions {
  places?: number;
  memory?: typeof MEMORY;
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

  /** @param options the checkpoint's `template` may be another than its own */
  static async start(options: StartOptions = {}): Promise<TestWorker> {
    const { places = 4, memory = MEMORY, template = "", tracesUrl, origin } = options;
    const logger = options.logger ?? new Logger("silent");
    const {
      config,
      generation,
      prompter,
      tokenizer,
      vision,
      clips: clipSettings,
    } = await openCheckpoint(folder);
    const images = new ImagePreprocessor({ settings: vision, threads: 1 });
    const clips = new ClipPreprocessor({
      settings: clipSettings,
      processes: 1,
      maxTokens: CONTEXT,
    });
    const figures = new WorkerFigures();
    const media = new RequestMedia({ clips, images, config: config.vision, memory, figures });
    const prompts = new PromptThread(template === "" ? prompter : { ...prompter, template });
    const { vocabSize } = config.text;
    const grammars = new Grammars(
      tokenTable(tokenizer, { vocabSize, endTokenIds: generation.eosTokenIds }),
    );
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
    const parts = { service, figures, tracer: tracing.tracer, stored, logger };
    const worker = new TestWorker(parts, places, async () => {
      clips.close();
      await Promise.all([tracing.close(), images.close(), prompts.close(), grammars.close()]);
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

/** Listens on a port of 127.0.0.1 that the system chooses. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) {
    throw new Error(`expected a port, got ${address}`);
  }
  return address.port;
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

export interface Call {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

/** Sends a call and waits for nothing: the request can be destroyed. */
export function start(
  { port }: { port: number },
  { method = "GET", path, headers, body }: Call,
): { request: ClientRequest; response: Promise<IncomingMessage> } {
  const request = httpRequest({ host: "127.0.0.1", port, method, path, headers, agent: false });
  const response = new Promise<IncomingMessage>((resolve, reject) => {
    request.on("response", resolve);
    request.on("error", reject);
  });
  response.catch(() => undefined); // for callers that only want to send
  request.end(body);
  return { request, response };
}

/** Sends a call; of the response, only the head is read. */
export async function open(target: { port: number }, call: Call) {
  const { request, response } = start(target, call);
  return { request, response: await response };
}

export interface Received {
  status: number | undefined;
  headers: IncomingMessage["headers"];
  text: string;
}

export async function send(worker: { port: number }, call: Call): Promise<Received> {
  const { response } = await open(worker, call);
  return { status: response.statusCode, headers: response.headers, text: await textOf(response) };
}

export async function textOf(response: IncomingMessage): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) {
    text += String(chunk);
  }
  return text;
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

export interface Part {
  name: string;
  content: string | Uint8Array;
}

const BOUNDARY = "a-boundary";
export const MULTIPART = `multipart/form-data; boundary=${BOUNDARY}`;

/** Text parts are fields, parts of bytes are files, as the edge sends them. */
export function multipart(parts: readonly Part[], end = `--${BOUNDARY}--\r\n`): Uint8Array {
  const chunks = parts.flatMap(({ name, content }) => {
    const file = typeof content === "string" ? "" : `; filename="${name}"`;
    const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`;
    return [Buffer.from(head), Buffer.from(content), Buffer.from("\r\n")];
  });
  return Buffer.concat([...chunks, Buffer.from(end)]);
}

/** How the part `request` announces a medium. */
export function announced(name: string, bytes: Uint8Array) {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { name, bytes: bytes.length, sha256, type: "image/png" };
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
