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

/** A GPU worker's answer on its way to the client. */
export interface CompletionRelay {
  answer: Response;
  /** Settles when no more bytes will flow; never rejects. */
  outcome: Promise<Outcome>;
  /** Tokens seen so far, and what the media amount to. */
  used: () => Omit<RequestEnding, "outcome">;
}

/** Starts to relay; aborting `stop` ends it, and it is aborted when either side breaks off. */
export function relayCompletion(response: Response, stop: AbortController): CompletionRelay {
  const { ok, status, headers, body } = response;
  const isStreamed = /^text\/event-stream\b/i.test(headers.get("Content-Type") ?? "");
  const meter = new CompletionMeter();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();

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
  const copied = copyStream(source, writable, stop, (chunk) => meter.push(chunk));
  return {
    answer: toClientAnswer(response, readable),
    outcome: copied.then(toOutcome),
    used: () => ({
      counts: {
        ...parsePromptUsage(headers.get(PROMPT_USAGE_HEADER) ?? ""),
        ...(meter.cachedTokens === undefined ? {} : { cached: meter.cachedTokens }),
        completion: isStreamed
          ? meter.completionTokens
          : Number(headers.get(COMPLETION_TOKENS_HEADER) ?? 0),
        reasoning: isStreamed
          ? meter.reasoningTokens
          : Number(headers.get(REASONING_TOKENS_HEADER) ?? 0),
      },
      media: parseMediaUsage(headers.get(MEDIA_USAGE_HEADER) ?? ""),
    }),
  };
}
