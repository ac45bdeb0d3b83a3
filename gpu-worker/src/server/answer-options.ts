import type { ChatRequest } from "@qwen3-vl/shared/chat";

import type { AnswerOptions } from "../engine/answer.ts";
import type { TokenConstraint } from "../engine/logits-rule.ts";
import { Sampler } from "../engine/sampler.ts";
import { samplingSettings } from "../engine/sampling-settings.ts";
import { StopStringFilter } from "../engine/stop-strings.ts";
import type { ChatPrompt } from "../prompt/chat-prompt.ts";
import { IncrementalDetokenizer } from "../prompt/detokenizer.ts";
import type { GenerationConfig } from "../prompt/generation-config.ts";
import type { Tokenizer } from "../prompt/tokenizer.ts";

export interface AnswerDefaults {
  tokenizer: Tokenizer;
  generation: GenerationConfig;
  /** Tokens after which an answer is cut: what the request asks for, or all that the context leaves. */
  maxTokens: number;
  /** Makes what binds one answer to a form; undefined where it is free. */
  constraint: () => TokenConstraint | undefined;
}

/** How each of a request's answers is made. */
export function answerOptions(
  request: ChatRequest,
  { tokenIds }: ChatPrompt,
  { tokenizer, generation, maxTokens, constraint: createConstraint }: AnswerDefaults,
): AnswerOptions[] {
  const stops = typeof request.stop === "string" ? [request.stop] : (request.stop ?? []);
  return Array.from({ length: request.n ?? 1 }, () => {
    const constraint = createConstraint();
    const rules = constraint === undefined ? [] : [constraint];
    return {
      maxTokens,
      sampler: new Sampler(samplingSettings(request, generation), tokenIds, rules),
      constraint,
      decoder: new IncrementalDetokenizer(tokenizer),
      stopStrings: new StopStringFilter(stops),
      endTokenIds: new Set(generation.eosTokenIds),
    };
  });
}
