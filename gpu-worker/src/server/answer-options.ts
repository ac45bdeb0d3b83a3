import type { ChatRequest } from "@qwen3-vl/shared/chat";
import { callableTools } from "@qwen3-vl/shared/tool-fields";

import type { AnswerOptions } from "../engine/answer.ts";
import { Sampler } from "../engine/sampler.ts";
import { samplingSettings } from "../engine/sampling-settings.ts";
import { StopStringFilter } from "../engine/stop-strings.ts";
import type { ChatPrompt } from "../prompt/chat-prompt.ts";
import { IncrementalDetokenizer } from "../prompt/detokenizer.ts";
import type { GenerationConfig } from "../prompt/generation-config.ts";
import type { Tokenizer } from "../prompt/tokenizer.ts";
import { answerThought } from "./answer-thought.ts";

export interface AnswerDefaults {
  tokenizer: Tokenizer;
  generation: GenerationConfig;
  /** Tokens after which an answer is cut: what the request asks for, or all that the context leaves. */
  maxTokens: number;
}

/** How each of a request's answers is made. */
export function answerOptions(
  request: ChatRequest,
  prompt: ChatPrompt,
  { tokenizer, generation, maxTokens }: AnswerDefaults,
): AnswerOptions[] {
  return Array.from({ length: request.n ?? 1 }, () => {
    const { thought, budget } = answerThought(request, prompt, tokenizer);
    const rules = budget === undefined ? [] : [budget]; // it comes last: what it forces is chosen
    return {
      maxTokens,
      sampler: new Sampler(samplingSettings(request, generation), prompt.tokenIds, rules),
      decoder: new IncrementalDetokenizer(tokenizer),
      thought,
      stopStrings: new StopStringFilter(stopStrings(request)),
      endTokenIds: new Set(generation.eosTokenIds),
    };
  });
}

/** Without parallel calls, the end of the first one ends the answer. */
function stopStrings(request: ChatRequest): string[] {
  const { stop = [], parallel_tool_calls: isParallel } = request;
  const stops = typeof stop === "string" ? [stop] : stop;
  const hasTools = callableTools(request).length > 0;
  return isParallel === false && hasTools ? [...stops, "</tool_call>"] : stops;
}
