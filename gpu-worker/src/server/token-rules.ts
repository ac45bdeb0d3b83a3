import type { ChatRequest } from "@qwen3-vl/shared/chat";
import { ApiError } from "@qwen3-vl/shared/errors";

import type { LogitsRule } from "../engine/logits-rule.ts";
import { AllowedTokens, BadWords, LogitBias, MinTokens } from "../engine/token-rules.ts";
import type { GenerationConfig } from "../prompt/generation-config.ts";
import type { Tokenizer } from "../prompt/tokenizer.ts";

interface RuleContext {
  tokenizer: Pick<Tokenizer, "vocabSize">;
  generation: Pick<GenerationConfig, "eosTokenIds">;
  /** Tokens after which an answer is cut. */
  maxTokens: number;
  /** Tokens of each spelling of each bad word. */
  badWordIds: readonly (readonly number[])[];
}

/** Tokens that end an answer: the checkpoint's, unless they are ignored, and the request's own. */
export function endTokenIds(
  { ignore_eos: ignoresEos, stop_token_ids: stopIds = [] }: ChatRequest,
  { eosTokenIds }: Pick<GenerationConfig, "eosTokenIds">,
): ReadonlySet<number> {
  return new Set([...(ignoresEos === true ? [] : eosTokenIds), ...stopIds]);
}

/**
 * What a request's fields forbid and shift, in vLLM's order: allowed_token_ids, bad_words, min_tokens,
 * logit_bias.
 *
 * @throws ApiError that names the id outside the vocabulary, or `min_tokens` beyond the context
 */
export function tokenRules(request: ChatRequest, context: RuleContext): LogitsRule[] {
  const { tokenizer, generation, maxTokens, badWordIds } = context;
  const { allowed_token_ids: allowed, min_tokens: least = 0 } = request;
  const biases = Object.entries(request.logit_bias ?? {}).map(
    ([id, bias]) => [Number(id), bias] as const,
  );
  assertInVocabulary(request, tokenizer);
  if (least > maxTokens) {
    throw new ApiError(
      "context_length_exceeded",
      `min_tokens: expected at most the ${maxTokens} tokens that the context leaves, got ${least}.`,
      { param: "min_tokens" },
    );
  }
  return [
    ...(allowed === undefined ? [] : [new AllowedTokens(allowed)]),
    ...(badWordIds.length === 0 ? [] : [new BadWords(badWordIds)]),
    // As in vLLM, also the checkpoint's own end tokens where they are ignored.
    ...(least === 0
      ? []
      : [
          new MinTokens(
            least,
            new Set([...generation.eosTokenIds, ...(request.stop_token_ids ?? [])]),
          ),
        ]),
    ...(biases.length === 0 ? [] : [new LogitBias(biases)]),
  ];
}

function assertInVocabulary(
  {
    allowed_token_ids: allowed = [],
    stop_token_ids: stops = [],
    logit_bias: biases = {},
  }: ChatRequest,
  { vocabSize }: Pick<Tokenizer, "vocabSize">,
): void {
  const named = [
    ...located("allowed_token_ids", allowed),
    ...located("stop_token_ids", stops),
    ...Object.keys(biases).map((id) => ({ id: Number(id), param: `logit_bias.${id}` })),
  ];
  const outside = named.find(({ id }) => id >= vocabSize);
  if (outside !== undefined) {
    throw new ApiError(
      "invalid_request",
      `${outside.param}: expected a token id below ${vocabSize}, the size of the vocabulary, got ${outside.id}.`,
      { param: outside.param },
    );
  }
}

function located(field: string, ids: readonly number[]) {
  return ids.map((id, index) => ({ id, param: `${field}.${index}` }));
}
