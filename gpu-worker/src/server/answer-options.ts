import type { ChatRequest } from "@qwen3-vl/shared/chat";
import { callableTools } from "@qwen3-vl/shared/tool-fields";

import type { AnswerOptions } from "../engine/answer.ts";
import type { LogitsRule, TokenConstraint } from "../engine/logits-rule.ts";
import { Sampler } from "../engine/sampler.ts";
import type { SamplingScratch } from "../engine/sampling-scratch.ts";
import { samplingSettings } from "../engine/sampling-settings.ts";
import { StopStringFilter } from "../engine/stop-strings.ts";
import type { ChatPrompt } from "../prompt/chat-prompt.ts";
import { IncrementalDetokenizer } from "../prompt/detokenizer.ts";
import type { GenerationConfig } from "../prompt/generation-config.ts";
import type { Tokenizer } from "../prompt/tokenizer.ts";
import { answerThought } from "./answer-thought.ts";
import { endTokenIds } from "./token-rules.ts";

export interface AnswerDefaults {
  tokenizer: Tokenizer;
  generation: GenerationConfig;
  /** Tokens after which an answer is cut: what the request asks for, or all that the context leaves. */
  maxTokens: number;
  /** What the request's own fields forbid and shift; shared by its answers, for they keep nothing. */
  rules: readonly LogitsRule[];
  scratch: SamplingScratch;
  /** Makes what binds one answer to a form; undefined where it is free. */
  constraint: () => TokenConstraint | undefined;
}

/** How each of a request's answers is made. */
export function answerOptions(
  request: ChatRequest,
  prompt: ChatPrompt,
  { tokenizer, generation, maxTokens, rules, scratch, ...defaults }: AnswerDefaults,
): AnswerOptions[] {
  const showsSpecial = request.skip_special_tokens === false;
  const showsStop = request.include_stop_str_in_output === true;
  const topLogprobs = request.logprobs === true ? (request.top_logprobs ?? 0) : undefined;
  return Array.from({ length: request.n ?? 1 }, (_, choice) => {
    const { thought, budget } = answerThought(request, prompt, tokenizer);
    const constraint = defaults.constraint();
    // The form comes first, for what it forbids has no log-probability; what the budget forces is chosen.
    const allRules = [constraint, ...rules, budget].filter((rule) => rule !== undefined);
    return {
      maxTokens,
      minTokens: request.min_tokens ?? 0,
      sampler: new Sampler(samplingSettings(request, generation), prompt.tokenIds, allRules, {
        choice,
        topLogprobs,
        scratch,
      }),
      constraint,
      decoder: new IncrementalDetokenizer(tokenizer, { showsSpecial }),
      thought,
      stopStrings: new StopStringFilter(stopStrings(request), { showsStop }),
      endTokenIds: endTokenIds(request, generation),
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
