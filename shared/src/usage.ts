import * as z from "zod";

const count = z.int().nonnegative();

/** Tokens of one request, in OpenAI's form; `prompt_tokens` includes those of pictures and videos. */
export const Usage = z.object({
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  prompt_tokens_details: z.object({
    cached_tokens: count,
    image_tokens: count,
    video_tokens: count,
  }),
  completion_tokens_details: z.object({ reasoning_tokens: count }),
});
export type Usage = z.infer<typeof Usage>;

export interface TokenCounts {
  prompt: number;
  cached: number;
  image: number;
  video: number;
  completion: number;
  reasoning: number;
}

export const NO_TOKENS: Readonly<TokenCounts> = {
  prompt: 0,
  cached: 0,
  image: 0,
  video: 0,
  completion: 0,
  reasoning: 0,
};

export function toUsage(counts: TokenCounts): Usage {
  return {
    prompt_tokens: counts.prompt,
    completion_tokens: counts.completion,
    total_tokens: counts.prompt + counts.completion,
    prompt_tokens_details: {
      cached_tokens: counts.cached,
      image_tokens: counts.image,
      video_tokens: counts.video,
    },
    completion_tokens_details: { reasoning_tokens: counts.reasoning },
  };
}
