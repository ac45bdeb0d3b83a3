import type { ChatPrompt } from "./chat-prompt.ts";

/** The tokens that a thought stands between. */
export const THOUGHT = { open: "<think>", close: "</think>" } as const;

/** Whether the chat template has opened the thought. */
export function endsInThought({ text }: Pick<ChatPrompt, "text">): boolean {
  return text.trimEnd().endsWith(THOUGHT.open);
}
