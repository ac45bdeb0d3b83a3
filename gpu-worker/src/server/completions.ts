import { parseChatRequest } from "@qwen3-vl/shared/chat";
import type { WorkerRequest } from "@qwen3-vl/shared/worker-protocol";

import type { ChoiceEvent } from "../engine/choices.ts";
import type { Generator } from "../engine/generator.ts";
import type { MediaFetcher } from "../media-fetch/media-fetcher.ts";
import { fetchRemoteMedia } from "../media-fetch/remote-media.ts";
import type { CompleteRequest } from "../media-fetch/remote-media.ts";
import type { RequestTimer } from "../metrics/request-timer.ts";
import type { StoredMedia } from "../stored-media/stored-media.ts";
import type { CompletionSpan } from "../tracing/completion-span.ts";
import type { ClipBytes } from "../vision/clip-bytes.ts";
import type { Exchange } from "./answer-writer.ts";
import type { ChatService, DecodingObserver } from "./chat-service.ts";
import type { LiveRequest } from "./request-registry.ts";

export interface CompletionsOptions {
  service: ChatService;
  generator: Generator;
  stored: StoredMedia;
  fetcher: MediaFetcher;
}

/** A request as it came, and what of its media came with it. */
export interface UngatheredRequest {
  workerRequest: Omit<WorkerRequest, "media">;
  inBody: ReadonlyMap<string, Uint8Array>;
  live: LiveRequest;
}

/** A request that names each of its media by a part that is there. */
export interface GatheredRequest {
  workerRequest: Omit<WorkerRequest, "media">;
  /** Those of the body and those that were fetched. */
  media: ReadonlyMap<string, ClipBytes>;
  live: LiveRequest;
}

/** Who looks on while a request is answered. */
export interface CompletionObservers {
  span: CompletionSpan;
  timer: RequestTimer;
  /** Takes places for so many answers, until they are disposed of. @throws ApiError where there are none */
  enter: (choices: number) => Disposable;
}

/** The way of a request from its media to the events of its answers, whoever waits for them. */
export class Completions {
  readonly #options: CompletionsOptions;

  constructor(options: CompletionsOptions) {
    this.#options = options;
  }

  /** Fetches the media that did not come along; what lies on the disk does until `use` has ended. */
  async gather<T>(
    { workerRequest, inBody, live }: UngatheredRequest,
    use: (gathered: GatheredRequest) => Promise<T>,
  ): Promise<T> {
    live.stage = "fetching";
    const complete = await this.#complete({ ...workerRequest, media: inBody }, live.signal);
    const { stored, priority } = workerRequest;
    await using fetched = await this.#options.stored.fetch(stored, live.signal, priority);
    const media = new Map<string, ClipBytes>([...complete.media, ...fetched.media]);
    return await use({ workerRequest: { ...workerRequest, body: complete.body }, media, live });
  }

  /** Prepares a request and generates its answers, which `write` reads to their end. */
  async answer<T>(
    { workerRequest, media, live }: GatheredRequest,
    { span, timer, enter }: CompletionObservers,
    write: (exchange: Exchange, events: AsyncIterable<ChoiceEvent>) => Promise<T>,
  ): Promise<T> {
    const { id, tenant, priority, body } = workerRequest;
    const { service, generator } = this.#options;
    const request = parseChatRequest(body);
    span.ask(request);
    using places = new DisposableStack();
    places.use(enter(request.n ?? 1));
    live.stage = "decoding";
    const { signal } = live;
    const context = { tenant, priority, parts: media, signal, decoding: decodingOf(live) };
    using chat = await service.prepare(id, request, context);
    const { prompt, amount, generation, outputs, formatLogprobs } = chat;
    live.media = amount;
    live.counts.prompt = prompt.tokenIds.length;
    live.counts.image = prompt.imageTokens;
    live.counts.video = prompt.videoTokens;
    live.stage = "prefill";
    const asksUsage = request.stream && request.stream_options?.include_usage === true;
    const header = {
      ...(asksUsage ? { usage: null } : {}),
      id: `chatcmpl-${id}`,
      created: Math.floor(Date.now() / 1000),
      model: service.model.id,
    };
    span.answer(header, outputs);
    const events = counted(generator.generate(generation, signal), live, { span, timer });
    return await write({ request, live, header, outputs, formatLogprobs }, events);
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
}

function decodingOf({ frames }: LiveRequest): DecodingObserver {
  return {
    planned: (total) => {
      frames.total = total;
    },
    decoded: (count) => {
      frames.decoded += count;
    },
  };
}

/** The same events, each counted and timed before anyone else sees it. */
async function* counted(
  events: AsyncIterable<ChoiceEvent>,
  live: LiveRequest,
  { span, timer }: Pick<CompletionObservers, "span" | "timer">,
): AsyncGenerator<ChoiceEvent> {
  const { counts, signal } = live;
  const completionTokens: number[] = [];
  const reasoningTokens: number[] = [];
  let cutOff: "abort" | "error" | undefined = "abort"; // unless it is read to its end
  try {
    for await (const event of events) {
      live.stage = "generating";
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
