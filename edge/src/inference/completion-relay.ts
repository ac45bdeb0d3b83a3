import { isEventStream } from "@qwen3-vl/shared/sse";
import {
  COMPLETION_TOKENS_HEADER,
  MEDIA_USAGE_HEADER,
  parseMediaUsage,
  parsePromptUsage,
  PROMPT_USAGE_HEADER,
  REASONING_TOKENS_HEADER,
} from "@qwen3-vl/shared/worker-protocol";

import type { Outcome, RequestEnding } from "../usage/usage-records.ts";
import { CompletionMeter } from "./completion-meter.ts";
import { copyStream } from "./copy-stream.ts";
import type { CopyEnd } from "./copy-stream.ts";
import { toClientAnswer } from "./worker-answer.ts";

/** The body of a GPU worker's answer on its way to the client. */
export interface BodyRelay {
  /** Settles when no more bytes will flow; never rejects. */
  outcome: Promise<Outcome>;
  /** Tokens seen so far, and what the media amount to. */
  used: () => Omit<RequestEnding, "outcome">;
}

/** A GPU worker's answer on its way to the client. */
export interface CompletionRelay extends BodyRelay {
  answer: Response;
}

/** Starts to relay; aborting `stop` ends it, and it is aborted when either side breaks off. */
export function relayCompletion(response: Response, stop: AbortController): CompletionRelay {
  const { readable, writable } = streamFor(response.headers);
  return {
    answer: toClientAnswer(response, readable),
    ...relayBody(response, writable, stop),
  };
}

/** Of a known length where it is known: the client has the answer with its last byte, not with what ends it. */
function streamFor(headers: Headers): TransformStream<Uint8Array, Uint8Array> {
  const length = /^\d{1,12}$/.exec(headers.get("Content-Length") ?? "")?.[0];
  return length === undefined ? new TransformStream() : new FixedLengthStream(Number(length));
}

/** Relays the body alone into an answer that is open already. */
export function relayBody(
  { ok, status, headers, body }: Response,
  sink: WritableStream<Uint8Array>,
  stop: AbortController,
): BodyRelay {
  const isStreamed = isEventStream(headers.get("Content-Type"));
  const meter = new CompletionMeter();
  const toOutcome = (end: CopyEnd): Outcome => {
    if (ok && (isStreamed ? meter.isDone : end === "source_ended")) {
      return "completed";
    }
    if (end === "stopped") {
      return "cut_off";
    }
    return status >= 400 && status < 500 ? "refused" : "failed";
  };
  const source = body ?? new Blob([]).stream();
  const copied = copyStream(source, sink, stop, (chunk) => meter.push(chunk));
  const counted = (streamed: number, header: string) =>
    isStreamed ? streamed : Number(headers.get(header) ?? 0);
  return {
    outcome: copied.then(toOutcome),
    used: () => ({
      counts: {
        ...parsePromptUsage(headers.get(PROMPT_USAGE_HEADER) ?? ""),
        ...(meter.cachedTokens === undefined ? {} : { cached: meter.cachedTokens }),
        completion: counted(meter.completionTokens, COMPLETION_TOKENS_HEADER),
        reasoning: counted(meter.reasoningTokens, REASONING_TOKENS_HEADER),
      },
      media: parseMediaUsage(headers.get(MEDIA_USAGE_HEADER) ?? ""),
    }),
  };
}
