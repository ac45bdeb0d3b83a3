import type {
  ChatCompletion,
  ChatCompletionChunk,
  FinishReason,
} from "@qwen3-vl/shared/chat-completion";
import type { Usage } from "@qwen3-vl/shared/usage";

/** What all events of one answer say alike. */
export interface CompletionHeader {
  id: string;
  created: number;
  model: string;
  /** As OpenAI does: null in every chunk but the last when the client asked for usage. */
  usage?: null;
}

type Delta = ChatCompletionChunk["choices"][number]["delta"];

export function completionChunk(
  header: CompletionHeader,
  delta: Delta,
  finishReason: FinishReason | null = null,
): ChatCompletionChunk {
  return {
    ...header,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }],
  };
}

/** The last chunk when the client asked for usage: no choices. */
export function usageChunk(header: CompletionHeader, usage: Usage): ChatCompletionChunk {
  return { ...header, object: "chat.completion.chunk", choices: [], usage };
}

export function completion(
  header: CompletionHeader,
  content: string,
  finishReason: FinishReason,
  usage: Usage,
): ChatCompletion {
  const message = { role: "assistant", content, refusal: null } as const;
  return {
    ...header,
    object: "chat.completion",
    choices: [{ index: 0, message, logprobs: null, finish_reason: finishReason }],
    usage,
  };
}
