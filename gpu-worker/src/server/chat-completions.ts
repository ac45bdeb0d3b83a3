import type { IncomingMessage, ServerResponse } from "node:http";

import type { Tracer } from "@opentelemetry/api";
import { parseChatRequest } from "@qwen3-vl/shared/chat";
import { ApiError, toApiError } from "@qwen3-vl/shared/errors";
import { parseJson } from "@qwen3-vl/shared/json";
import { TRACEPARENT_HEADER } from "@qwen3-vl/shared/traceparent";
import {
  COMPLETION_TOKENS_HEADER,
  REASONING_TOKENS_HEADER,
  WorkerRequest,
} from "@qwen3-vl/shared/worker-protocol";

import type { Admission } from "../engine/admission.ts";
import type { ChoiceEvent } from "../engine/choices.ts";
import type { Logger } from "../log.ts";
import { RequestTimer } from "../metrics/request-timer.ts";
import type { WorkerFigures } from "../metrics/worker-figures.ts";
import { CompletionSpan } from "../tracing/completion-span.ts";
import { abortWhenClosed } from "./abort-when-closed.ts";
import { closedByClient, promptHeaders, wholeCompletion, writeStream } from "./answer-writer.ts";
import type { Exchange } from "./answer-writer.ts";
import type { ChatService } from "./chat-service.ts";
import type { Completions, GatheredRequest } from "./completions.ts";
import { EventStream } from "./event-stream.ts";
import { readMultipart } from "./multipart-reader.ts";
import type { RequestRegistry } from "./request-registry.ts";
import { sendJson } from "./send-json.ts";

export interface ChatCompletionsOptions {
  service: ChatService;
  completions: Completions;
  admission: Admission;
  registry: RequestRegistry;
  figures: WorkerFigures;
  tracer: Tracer;
  logger: Logger;
  /** @throws ApiError unless the call with this content was signed */
  verify: (incoming: IncomingMessage, content: string) => Promise<void>;
}

/** A request that was read, verified and let in. */
interface Received extends GatheredRequest {
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
    const { admission, registry, figures, completions } = this.#options;
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
      await completions.gather({ workerRequest, inBody, live }, (gathered) =>
        answer({ ...gathered, timer, response }),
      );
    } catch (error) {
      throw live.signal.aborted ? closedByClient(error) : error;
    } finally {
      registry.end(live);
    }
  }

  async #answer(received: Received, span: CompletionSpan): Promise<void> {
    const { live, timer, response } = received;
    const { completions, admission } = this.#options;
    const enter = (choices: number) => admission.enterChoices(choices);
    await completions.answer(received, { span, timer, enter }, async (exchange, events) => {
      if (exchange.request.stream) {
        await this.#stream(response, exchange, events, span);
        return;
      }
      const completion = await wholeCompletion(exchange, events);
      sendJson(response, 200, completion, {
        ...promptHeaders(live),
        [COMPLETION_TOKENS_HEADER]: String(live.counts.completion),
        [REASONING_TOKENS_HEADER]: String(live.counts.reasoning),
      });
      live.isAnswered = true;
    });
  }

  /** Once the stream is open, a failure can only be told inside it. */
  async #stream(
    response: ServerResponse,
    exchange: Exchange,
    events: AsyncIterable<ChoiceEvent>,
    span: CompletionSpan,
  ): Promise<void> {
    const stream = new EventStream(response, promptHeaders(exchange.live));
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

function parseWorkerRequest(text: string): WorkerRequest {
  const parsed = WorkerRequest.safeParse(parseJson(text));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const param = ["request", ...(issue?.path ?? [])].map(String).join(".");
    throw new ApiError("invalid_request", `${param}: ${issue?.message}.`, { param });
  }
  return parsed.data;
}
