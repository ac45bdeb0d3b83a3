import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";
import type { ChatRequest } from "@qwen3-vl/shared/chat";
import type { FinishReason } from "@qwen3-vl/shared/chat-completion";
import { toApiError } from "@qwen3-vl/shared/errors";
import { parseTraceparent } from "@qwen3-vl/shared/traceparent";
import type { TokenCounts } from "@qwen3-vl/shared/usage";

import type { ChoiceEvent } from "../engine/choices.ts";
import type { OutputParser } from "../output/message-delta.ts";
import { toldReason } from "../output/told-reason.ts";

/** What a span tells of a request that was let in; read at its end. */
export interface Followed {
  live: { readonly counts: Readonly<TokenCounts> };
  timer: { readonly firstTokenSeconds: number | undefined };
}

type TraceparentHeader = string | readonly string[] | undefined;

/**
 * The span of one completion, from its arrival, with the attributes of OpenTelemetry's conventions
 * for generative AI (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/). What was
 * asked and answered is never among them, and neither are messages of errors, which may quote it.
 */
export class CompletionSpan {
  readonly #span: Span;
  /** Of each answer that came to its end. */
  readonly #reasons: FinishReason[] = [];
  #followed: Followed | undefined;
  #request: ChatRequest | undefined;
  #outputs: readonly Pick<OutputParser, "hasToolCalls">[] = [];
  #errorType: string | undefined;

  /** @param traceparent the caller's header; without a well-formed one a new trace begins */
  constructor(tracer: Tracer, traceparent: TraceparentHeader) {
    const options = {
      kind: SpanKind.SERVER,
      attributes: { "gen_ai.operation.name": "chat", "gen_ai.provider.name": "qwen3-vl" },
    };
    this.#span = tracer.startSpan("chat", options, contextOf(traceparent));
  }

  /** The call is signed and let in; without this the span is never sent. */
  follow(followed: Followed): void {
    this.#followed = followed;
  }

  ask(request: ChatRequest): void {
    this.#request = request;
    this.#span.updateName(`chat ${request.model}`);
    this.#span.setAttributes(requestAttributes(request));
  }

  /** The answers begin. */
  answer(
    { id, model }: { id: string; model: string },
    outputs: readonly Pick<OutputParser, "hasToolCalls">[],
  ): void {
    this.#outputs = outputs;
    this.#span.setAttributes({ "gen_ai.response.id": id, "gen_ai.response.model": model });
  }

  note({ choice, finishReason }: ChoiceEvent): void {
    if (finishReason !== undefined) {
      this.#reasons[choice] = finishReason;
    }
  }

  /** The first failure counts: others follow from it. */
  fail(error: unknown): void {
    this.#errorType ??= toApiError(error).code;
  }

  end(): void {
    if (this.#followed === undefined) {
      return;
    }
    const reasons = this.#toldReasons();
    if (this.#request !== undefined && reasons.length < (this.#request.n ?? 1)) {
      this.#errorType ??= "client_closed_request"; // a stream that is cut off fails nowhere else
    }
    this.#span.setAttributes({
      ...usageAttributes(this.#followed),
      ...(reasons.length === 0 ? {} : { "gen_ai.response.finish_reasons": reasons }),
    });
    if (this.#errorType !== undefined) {
      this.#span.setAttribute("error.type", this.#errorType);
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end();
  }

  /** Of the answers that came to their ends, in their order. */
  #toldReasons(): FinishReason[] {
    return this.#outputs.flatMap((output, choice) => {
      const reason = this.#reasons[choice];
      return reason === undefined ? [] : [toldReason(reason, output)];
    });
  }
}

function contextOf(traceparent: TraceparentHeader): Context {
  const parent = parseTraceparent(String(traceparent)); // a list, or none, is not well-formed
  if (parent === undefined) {
    return ROOT_CONTEXT;
  }
  const { traceId, spanId, flags: traceFlags } = parent;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}

/** What was asked for; absent where the model's own defaults hold. */
function requestAttributes(request: ChatRequest): Attributes {
  return {
    "gen_ai.request.model": request.model,
    "gen_ai.request.stream": request.stream,
    "gen_ai.request.choice.count": request.n,
    "gen_ai.request.max_tokens": request.max_completion_tokens ?? request.max_tokens,
    "gen_ai.request.temperature": request.temperature,
    "gen_ai.request.top_p": request.top_p,
    "gen_ai.request.top_k": request.top_k,
    "gen_ai.request.seed": request.seed,
    "gen_ai.request.frequency_penalty": request.frequency_penalty,
    "gen_ai.request.presence_penalty": request.presence_penalty,
  };
}

function usageAttributes({ live: { counts }, timer }: Followed): Attributes {
  return {
    "gen_ai.usage.input_tokens": counts.prompt,
    "gen_ai.usage.output_tokens": counts.completion,
    "gen_ai.usage.cache_read.input_tokens": counts.cached,
    "gen_ai.usage.reasoning.output_tokens": counts.reasoning,
    "gen_ai.response.time_to_first_chunk": timer.firstTokenSeconds,
  };
}
