import type { ChatRequest } from "@qwen3-vl/shared/chat";
import { ApiError } from "@qwen3-vl/shared/errors";

import type { LogitsRule } from "../engine/logits-rule.ts";
import { ThinkingBudget } from "../engine/thinking-budget.ts";
import { Thought } from "../engine/thought.ts";
import type { ChatPrompt } from "../prompt/chat-prompt.ts";
import { templateOptions } from "../prompt/conversation.ts";
import { endsInThought, THOUGHT } from "../prompt/open-thought.ts";
import type { Tokenizer } from "../prompt/tokenizer.ts";

/**
 * What Qwen3's report ends a thought with that has used its budget, and evaluates the model by. The
 * line breaks after the tag are left to the model: behind it, a grammar may rule.
 */
const CUT_ENDING = `\n\nConsidering the limited time by the user, I have to give the solution based on the thinking directly now.\n${THOUGHT.close}`;

/** How an answer thinks, and what brings its thought to an end. */
export interface AnswerThought {
  thought: Thought;
  budget: LogitsRule | undefined;
}

/** A new one for each answer of a request. */
export function answerThought(
  { thinking_budget: budget }: ChatRequest,
  prompt: ChatPrompt,
  tokenizer: Tokenizer,
): AnswerThought {
  const open = tokenizer.idOf(THOUGHT.open);
  const close = tokenizer.idOf(THOUGHT.close);
  const tags = open === undefined || close === undefined ? undefined : { open, close };
  const thought = () => new Thought(tags, endsInThought(prompt));
  return {
    thought: thought(),
    budget:
      budget === undefined
        ? undefined
        : new ThinkingBudget(budget, thought(), tokenizer.encodeText(ending(budget, prompt))),
  };
}

/** @throws ApiError `invalid_request` when the chat template has a checkpoint think that must not */
export function assertThinkingIsAsAsked(request: ChatRequest, prompt: ChatPrompt): void {
  if (templateOptions(request).enableThinking === false && endsInThought(prompt)) {
    const param =
      request.enable_thinking === undefined
        ? "chat_template_kwargs.enable_thinking"
        : "enable_thinking";
    throw new ApiError(
      "invalid_request",
      `${param}: this model always thinks, expected true; thinking_budget limits how long.`,
      { param },
    );
  }
}

/** Nothing thought is written as chat templates write it where a model is not to think. */
function ending(budget: number, prompt: ChatPrompt): string {
  if (budget > 0) {
    return CUT_ENDING;
  }
  return endsInThought(prompt) ? `\n${THOUGHT.close}` : `\n\n${THOUGHT.close}`;
}
