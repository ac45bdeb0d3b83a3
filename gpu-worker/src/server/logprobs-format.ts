import type { ChoiceLogprobs } from "@qwen3-vl/shared/chat-completion";

import type { TokenLogprob, TokenLogprobs } from "../engine/logprobs.ts";
import type { Tokenizer } from "../prompt/tokenizer.ts";

/** Log-probabilities of tokens in OpenAI's form. */
export type LogprobsFormat = (tokens: readonly TokenLogprobs[]) => ChoiceLogprobs;

/** What OpenAI writes for a token that could not come: JSON has no -Infinity. */
const IMPOSSIBLE = -9999;

/** Tokens are told by their text, where U+FFFD stands for parts of characters, and by their bytes. */
export function logprobsFormat(tokenizer: Pick<Tokenizer, "bytesOf">): LogprobsFormat {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const toldToken = ({ tokenId, logprob }: TokenLogprob) => {
    const bytes = tokenizer.bytesOf(tokenId);
    return {
      token: decoder.decode(bytes),
      logprob: Math.max(logprob, IMPOSSIBLE),
      bytes: [...bytes],
    };
  };
  return (tokens) => ({
    content: tokens.map((token) => ({
      ...toldToken(token),
      top_logprobs: token.top.map(toldToken),
    })),
    refusal: null,
  });
}
