import type { IncomingMessage, ServerResponse } from "node:http";

import type { Tracer } from "@opentelemetry/api";
import { parseChatRequest } from "@qwen3-vl/shared/chat";
import { ApiError, toApiError } from "@qwen3-vl/shared/errors";
import { parseJson } from "@qwen3-vl/shared/json";
import { TRACEPARENT_HEADER } from "@qwen3-vl/shared/traceparent";
import { WorkerRequest } from "@qwen3-vl/shared/worker-protocol";

import type { Admission } from "../engine/admission.ts";
import type { ChoiceEvent } from "../engine/choices.ts";
import type { Generator } from "../engine/generator.ts";
import type { Logger } from "../log.ts";
import type { MediaFetcher } from "../media-fetch/media-fetcher.ts";
import { fetchRemoteMedia } from "../media-fetch/remote-media.ts";
import type { CompleteRequest } from "../media-fetch/remote-media.ts";
import { RequestTimer } from "../metrics/request-timer.ts";
import type { WorkerFigures } from "../metrics/worker-figures.ts";
import type { StoredMedia } from "../stored-media/stored-media.ts";
import { CompletionSpan } from "../tracing/completion-span.ts";
import type { ClipBytes } from "../vision/clip-bytes.ts";
import { closedByClient, promptHeaders, writeStream, writeWhole } from "./answer-writer.ts";
import type { Exchange } from "./answer-writer.ts";
import type { ChatService } from "./chat-service.ts";
import { EventStream } from "./event-stream.ts";
import { readMultipart } from "./multipart-reader.ts";
import type { LiveRequest, RequestRegistry } from "./request-registry.ts";
import { sendJson } from "./send-json.ts";

export interface ChatCompletionsOptions {
  service: ChatService;
  generator: Generator;
  admission: Admission;
  registry: RequestRegistry;
  stored: StoredMedia;
  fetcher: MediaFetcher;
  figures: WorkerFigures;
  tracer: Tracer;
  logger: Logger;
  /** @throws ApiError unless the call with this content was signed */
  verify: (incoming: IncomingMessage, content: string) => Promise<void>;
}

/** A request that was read, verified and let in. */
interface Received {
  workerRequest: WorkerRequest;
  /** Those of the body and those that were fetched. */
  media: ReadonlyMap<string, ClipBytes>;
  live: LiveRequest;
  timer: RequestTimer;
  response: ServerResponse;
}

/** `POST /v1/chat/completions` of the worker protocol. */
export class ChatCompletions {
  readonly #options: ChatCompletionsOptions;

  constructor(options: ChatCompletionsOptions) {
    this.#options = options;
  }

  /** A completion. */
  async handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { [TRACEPARENT_HEADER]: traceparent } = incoming.headers;
    const span = new CompletionSpan(this.#options.tracer, traceparent);
    try {
      await this.#exchange(incoming, response, (received) => {
        span.follow(received);
        return this.#answer(received, span);
      });
    } catch (error) {
      span.fail(error);
      throw error;
    } finally {
      span.end();
    }
  }

  /** An estimate of the same body. */
  async estimate(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { service } = this.#options;
    await this.#exchange(incoming, response, async ({ workerRequest, media, live }) => {
      const { tenant, priority, body } = workerRequest;
      const context = { tenant, priority, parts: media, signal: live.signal };
      sendJson(response, 200, await service.estimate(parseChatRequest(body), context));
    });
  }

  /** Reads and verifies a body, takes a place, and registers the request until it is answered. */
  async #exchange(
    incoming: IncomingMessage,
    response: ServerResponse,
    answer: (received: Received) => Promise<void>,
  ): Promise<void> {
    const { admission, registry, figures, stored } = this.#options;
    const timer = new RequestTimer(figures);
    using places = new DisposableStack();
    const { request: workerRequest, media: inBody } = await readMultipart(
      incoming,
      async (text) => {
        await this.#options.verify(incoming, text);
        if (places.disposed) {
          throw closedByClient(); // while the signature was checked: a place taken now would never come back
        }
        places.use(admission.enter());
        return parseWorkerRequest(text);
      },
    );
    const live = registry.begin(workerRequest.id);
    if (live === undefined) {
      throw new ApiError("invalid_request", `The request id ${workerRequest.id} is taken.`, {
        param: "id",
      });
    }
    abortWhenClosed(live, response);
    try {
      const complete = await this.#complete({ ...workerRequest, media: inBody }, live.signal);
      await using fetched = await stored.fetch(workerRequest.stored, live.signal);
      const media = new Map<string, ClipBytes>([...complete.media, ...fetched.media]);
      const request = { ...workerRequest, body: complete.body };
      await answer({ workerRequest: request, media, live, timer, response });
    } catch (error) {
      throw live.signal.aborted ? closedByClient(error) : error;
    } finally {
      registry.end(live);
    }
  }

  /** With the media that the edge leaves to be fetched here. */
  async #complete(
    { body, media, fetch: policy }: CompleteRequest & Pick<WorkerRequest, "fetch">,
    signal: AbortSignal,
  ): Promise<CompleteRequest> {
    const { fetcher } = this.#options;
    return policy === undefined
      ? { body, media }
      : fetchRemoteMedia({ body, media }, { fetcher, policy, signal });
  }

  async #answer(received: Received, span: CompletionSpan): Promise<void> {
    const { workerRequest, media, live, response } = received;
    const { id, tenant, priority, body } = workerRequest;
    const { service, generator, admission } = this.#options;
    const request = parseChatRequest(body);
    span.ask(request);
    using places = new DisposableStack();
    places.use(admission.enterChoices(request.n ?? 1));
    const context = { tenant, priority, parts: media, signal: live.signal };
    using chat = await service.prepare(id, request, context);
    const { prompt, amount, generation, outputs, formatLogprobs } = chat;
    live.media = amount;
    live.counts.prompt = prompt.tokenIds.length;
    live.counts.image = prompt.imageTokens;
    live.counts.video = prompt.videoTokens;
    const asksUsage = request.stream && request.stream_options?.include_usage === true;
    const header = {
      ...(asksUsage ? { usage: null } : {}),
      id: `chatcmpl-${id}`,
      created: Math.floor(Date.now() / 1000),
      model: service.model.id,
    };
    span.answer(header, outputs);
    const events = counted(generator.generate(generation, live.signal), received, span);
    const exchange = { request, live, header, response, outputs, formatLogprobs };
    if (request.stream) {
      await this.#stream(exchange, events, span);
    } else {
      await writeWhole(exchange, events);
      live.isAnswered = true;
    }
  }

  /** Once the stream is open, a failure can only be told inside it. */
  async #stream(
    exchange: Exchange,
    events: AsyncIterable<ChoiceEvent>,
    span: CompletionSpan,
  ): Promise<void> {
    const stream = new EventStream(exchange.response, promptHeaders(exchange.live));
    try {
      await writeStream(stream, exchange, events);
      exchange.live.isAnswered = !exchange.live.signal.aborted;
    } catch (error) {
      span.fail(exchange.live.signal.aborted ? closedByClient(error) : error);
      const apiError = toApiError(error);
      this.#options.logger.error("answer failed", { id: exchange.header.id, error });
      await stream.send({ data: JSON.stringify(apiError) });
    } finally {
      stream.end();
    }
  }
}

/** The same events, each counted and timed before anyone else sees it. */
async function* counted(
  events: AsyncIterable<ChoiceEvent>,
  { live: { counts, signal }, timer }: Received,
  span: CompletionSpan,
): AsyncGenerator<ChoiceEvent> {
  const completionTokens: number[] = [];
  const reasoningTokens: number[] = [];
  let cutOff: "abort" | "error" | undefined = "abort"; // unless it is read to its end
  try {
    for await (const event of events) {
      timer.note(event);
      span.note(event);
      completionTokens[event.choice] = event.completionTokens;
      reasoningTokens[event.choice] = event.reasoningTokens;
      counts.completion = completionTokens.reduce((sum, tokens) => sum + tokens, 0);
      counts.reasoning = reasoningTokens.reduce((sum, tokens) => sum + tokens, 0);
      if (event.choice === 0) {
        counts.cached = event.cachedTokens; // the others share what the first one read
      }
      yield event;
    }
    cutOff = signal.aborted ? "abort" : undefined;
  } catch (error) {
    cutOff = signal.aborted ? "abort" : "error";
    throw error;
  } finally {
    timer.end(cutOff);
  }
}

/** The client may have left already, while its body was read. */
function abortWhenClosed(live: LiveRequest, response: ServerResponse): void {
  if (response.destroyed) {
    live.abort();
  }
  response.on("close", () => live.abort());
}

function parseWorkerRequest(text: string): WorkerRequest {
  const parsed = WorkerRequest.safeParse(parseJson(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const param = ["request", ...(issue?.path ?? [])].map(String).join(".");
    throw new ApiError("invalid_request", `${param}: ${issue?.message}.`, { param });
  }
  return parsed.data;
}
