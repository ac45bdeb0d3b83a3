import * as z from "zod";

const count = z.int().nonnegative();

/** Answer of `POST /v1/chat/completions/estimate`: what a request would cost, without running it. */
export const Estimate = z.object({
  object: z.literal("chat.completion.estimate"),
  model: z.string(),
  /** Exactly what the answer's `usage.prompt_tokens` would be. */
  prompt_tokens: count,
  prompt_tokens_details: z.object({
    text_tokens: count,
    image_tokens: count,
    video_tokens: count,
  }),
  /** Tokens that an answer may have: what the context leaves, or what the request asks for. */
  max_completion_tokens: count,
  max_model_len: count,
});
export type Estimate = z.infer<typeof Estimate>;
