import type { FinishReason } from "@qwen3-vl/shared/chat-completion";

import type { OutputParser } from "./message-delta.ts";

/** Why an answer ended, as clients are told: whole calls make `stop` into `tool_calls`. */
export function toldReason(
  reason: FinishReason,
  { hasToolCalls }: Pick<OutputParser, "hasToolCalls">,
): FinishReason {
  return reason === "stop" && hasToolCalls ? "tool_calls" : reason;
}
