import {
  COMPLETION_TOKENS_HEADER,
  parsePromptUsage,
  PROMPT_USAGE_HEADER,
  REASONING_TOKENS_HEADER,
} from "@qwen3-vl/shared/worker-protocol";

import type { Outcome, UsageCounts } from "../usage/usage-records.ts";
import { CompletionMeter } from "./completion-meter.ts";
import { copyStream } from "./copy-stream.ts";
import type { CopyEnd } from "./copy-stream.ts";
import { toClientAnswer } from "./worker-answer.ts";

/** A GPU worker's answer on its way to the client. */
export interface CompletionRelay {
  answer: Response;
  /** Settles when no more bytes will flow; never rejects. */
  outcome: Promise<Outcome>;
  /** Tokens seen so far. */
  counts: () => UsageCounts;
}

/** Starts to relay; aborting `stop` ends it, and it is aborted when either side breaks off. */
export function relayCompletion(response: Response, stop: AbortController): CompletionRelay {
  const { ok, headers, body } = response;
  const isStreamed = /^text\/event-stream\b/i.test(headers.get("Content-Type") ?? "");
  const meter = new CompletionMeter();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();

  const toOutcome = (end: CopyEnd): Outcome => {
    if (ok && (isStreamed ? meter.isDone : end === "source_ended")) {
      return "completed";
    }
    return end === "stopped" ? "cut_off" : "failed";
  };
  const source = body ?? new Blob([]).stream();
  const copied = copyStream(source, writable, stop, (chunk) => meter.push(chunk));
  return {
    answer: toClientAnswer(response, readable),
    outcome: copied.then(toOutcome),
    counts: () => ({
      ...parsePromptUsage(headers.get(PROMPT_USAGE_HEADER) ?? ""),
      ...(meter.cachedTokens === undefined ? {} : { cached: meter.cachedTokens }),
      completion: isStreamed
        ? meter.completionTokens
        : Number(headers.get(COMPLETION_TOKENS_HEADER) ?? 0),
      reasoning: isStreamed
        ? meter.reasoningTokens
        : Number(headers.get(REASONING_TOKENS_HEADER) ?? 0),
    }),
  };
}
