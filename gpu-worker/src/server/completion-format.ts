import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChoiceLogprobs,
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

type ChunkChoice = ChatCompletionChunk["choices"][number];

/** What one chunk says of one choice; what it does not say is null. */
export interface ChoicePart {
  index: number;
  delta: ChunkChoice["delta"];
  logprobs?: ChoiceLogprobs | null;
  finishReason?: FinishReason;
}

export function completionChunk(
  header: CompletionHeader,
  { index, delta, logprobs = null, finishReason }: ChoicePart,
): ChatCompletionChunk {
  return {
    ...header,
    object: "chat.completion.chunk",
    choices: [{ index, delta, logprobs, finish_reason: finishReason ?? null }],
  };
}

/** The last chunk when the client asked for usage: no choices. */
export function usageChunk(header: CompletionHeader, usage: Usage): ChatCompletionChunk {
  return { ...header, object: "chat.completion.chunk", choices: [], usage };
}

export function completion(
  header: CompletionHeader,
  choices: ChatCompletion["choices"],
  usage: Usage,
): ChatCompletion {
  return { ...header, object: "chat.completion", choices, usage };
}
