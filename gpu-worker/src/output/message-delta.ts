import type { ChatCompletionChunk } from "@qwen3-vl/shared/chat-completion";

/** What a part of the model's text adds to the message. */
export type MessageDelta = Omit<ChatCompletionChunk["choices"][number]["delta"], "role">;

/** Parts the text of one answer into what OpenAI's message holds, as the text comes. */
export interface OutputParser {
  /** Whether whole calls were told, which makes `stop` into `tool_calls`. */
  readonly hasToolCalls: boolean;
  /** Takes what the model wrote: of its thought, and after it. */
  push(part: { reasoning: string; text: string }): readonly MessageDelta[];
  /** The text has ended: what was held back is text after all. */
  end(): readonly MessageDelta[];
}
