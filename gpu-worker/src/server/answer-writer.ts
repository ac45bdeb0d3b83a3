import type { ChatRequest } from "@qwen3-vl/shared/chat";
import type { ChatCompletion, ChoiceLogprobs } from "@qwen3-vl/shared/chat-completion";
import { ApiError } from "@qwen3-vl/shared/errors";
import { DONE } from "@qwen3-vl/shared/sse";
import type { ServerSentEvent } from "@qwen3-vl/shared/sse";
import { toUsage } from "@qwen3-vl/shared/usage";
import {
  MEDIA_USAGE_HEADER,
  PROMPT_USAGE_HEADER,
  cachedComment,
  formatMediaUsage,
  formatPromptUsage,
  reasoningComment,
} from "@qwen3-vl/shared/worker-protocol";

import type { ChoiceEvent } from "../engine/choices.ts";
import { MessageBuilder } from "../output/message-builder.ts";
import type { OutputParser } from "../output/message-delta.ts";
import { toldReason } from "../output/told-reason.ts";
import { completion, completionChunk, usageChunk } from "./completion-format.ts";
import type { ChoicePart, CompletionHeader } from "./completion-format.ts";
import type { EventStream } from "./event-stream.ts";
import type { LogprobsFormat } from "./logprobs-format.ts";
import type { LiveRequest } from "./request-registry.ts";

/** A request that is being answered. */
export interface Exchange {
  request: ChatRequest;
  live: LiveRequest;
  header: CompletionHeader;
  /** One for each choice. */
  outputs: readonly OutputParser[];
  formatLogprobs: LogprobsFormat;
}

/** The answers as chunks; returns without an end when the request was aborted. */
export async function writeStream(
  stream: EventStream,
  exchange: Exchange,
  events: AsyncIterable<ChoiceEvent>,
): Promise<void> {
  const { request, live, header, outputs } = exchange;
  const toEvent = (chunk: unknown): ServerSentEvent => ({
    id: String(live.counts.completion),
    data: JSON.stringify(chunk),
  });
  const send = (parts: readonly ChoicePart[]) =>
    stream.send(...parts.map((part) => toEvent(completionChunk(header, part))));

  await send([...outputs.keys()].map((index) => ({ index, delta: OPENING })));
  let unfinished = outputs.length;
  let toldCachedTokens = 0; // the headers say 0: they are sent before the sequence gets its slot
  let toldReasoningTokens = 0;
  for await (const event of events) {
    if (live.counts.cached > toldCachedTokens) {
      toldCachedTokens = live.counts.cached;
      stream.comment(cachedComment(toldCachedTokens));
    }
    if (live.counts.reasoning > toldReasoningTokens) {
      toldReasoningTokens = live.counts.reasoning;
      stream.comment(reasoningComment(toldReasoningTokens));
    }
    unfinished -= event.finishReason === undefined ? 0 : 1;
    const parts = chunkParts(event, exchange);
    if (parts.length > 0) {
      await send(parts);
    }
  }
  if (unfinished > 0) {
    return; // aborted: whoever listens knows it from the missing end
  }
  const usage = toUsage(live.counts);
  await stream.send(
    ...(request.stream_options?.include_usage === true ? [toEvent(usageChunk(header, usage))] : []),
    { data: DONE },
  );
}

const OPENING = { role: "assistant", content: "" } as const;

/** What an event adds to the stream: deltas, log-probabilities with the first, and at its choice's end the reason. */
function chunkParts(event: ChoiceEvent, { outputs, formatLogprobs }: Exchange): ChoicePart[] {
  const { choice: index, finishReason, logprobs: tokens } = event;
  const output = outputOf(outputs, event);
  const deltas = [...output.push(event), ...(finishReason === undefined ? [] : output.end())];
  const parts: ChoicePart[] = deltas.map((delta) => ({ index, delta }));
  if (finishReason !== undefined) {
    parts.push({ index, delta: {}, finishReason: toldReason(finishReason, output) });
  }
  if (tokens === undefined) {
    return parts;
  }
  const [first = { index, delta: {} }, ...others] = parts;
  return [{ ...first, logprobs: formatLogprobs(tokens) }, ...others];
}

/** @throws ApiError `client_closed_request` when the request was aborted */
export async function wholeCompletion(
  exchange: Exchange,
  events: AsyncIterable<ChoiceEvent>,
): Promise<ChatCompletion> {
  const { request, live, header, outputs } = exchange;
  const builders = outputs.map(() => new MessageBuilder());
  const told: ChoiceLogprobs["content"][] = outputs.map(() => []);
  const choices: ChatCompletion["choices"] = [];
  for await (const event of events) {
    const { choice: index } = event;
    for (const { delta, logprobs, finishReason } of chunkParts(event, exchange)) {
      builders[index]?.add(delta);
      told[index]?.push(...(logprobs?.content ?? []));
      const message = finishReason === undefined ? undefined : builders[index]?.message();
      if (finishReason !== undefined && message !== undefined) {
        choices[index] = {
          index,
          message,
          logprobs:
            request.logprobs === true ? { content: told[index] ?? [], refusal: null } : null,
          finish_reason: finishReason,
        };
      }
    }
  }
  if (Object.keys(choices).length < outputs.length) {
    throw closedByClient();
  }
  return completion(header, choices, toUsage(live.counts));
}

export function promptHeaders({ counts, media }: LiveRequest): Record<string, string> {
  return {
    [PROMPT_USAGE_HEADER]: formatPromptUsage(counts),
    [MEDIA_USAGE_HEADER]: formatMediaUsage(media),
  };
}

export function closedByClient(cause?: unknown): ApiError {
  return new ApiError("client_closed_request", "The request was aborted.", { cause });
}

function outputOf(outputs: readonly OutputParser[], { choice }: ChoiceEvent): OutputParser {
  const output = outputs[choice];
  if (output === undefined) {
    throw new RangeError(`no choice ${choice} among ${outputs.length}`);
  }
  return output;
}
