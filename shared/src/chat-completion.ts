import * as z from "zod";

import { Usage } from "./usage.ts";

export const FinishReason = z.enum(["stop", "length", "tool_calls"]);
export type FinishReason = z.infer<typeof FinishReason>;

const TokenLogprob = z.object({
  token: z.string(),
  logprob: z.number(),
  /** UTF-8 of the token: often part of a character. */
  bytes: z.array(z.int().min(0).max(255)).nullable(),
});

/** Log-probabilities of a choice's tokens, those without text included. */
export const ChoiceLogprobs = z.object({
  content: z.array(TokenLogprob.extend({ top_logprobs: z.array(TokenLogprob) })),
  refusal: z.null(),
});
export type ChoiceLogprobs = z.infer<typeof ChoiceLogprobs>;

const CalledFunction = z.object({ name: z.string(), arguments: z.string() });
const FunctionCall = z.object({
  id: z.string(),
  type: z.literal("function"),
  function: CalledFunction,
});

/** The whole answer of a request without `stream`. */
export const ChatCompletion = z.object({
  id: z.string(),
  object: z.literal("chat.completion"),
  created: z.int(),
  model: z.string(),
  choices: z.array(
    z.object({
      index: z.int(),
      message: z.object({
        role: z.literal("assistant"),
        /** Null when there are only calls. */
        content: z.string().nullable(),
        /** What a thinking checkpoint thought before it answered. */
        reasoning_content: z.string().optional(),
        tool_calls: z.array(FunctionCall).optional(),
        refusal: z.null(),
      }),
      logprobs: ChoiceLogprobs.nullable(),
      finish_reason: FinishReason,
    }),
  ),
  usage: Usage,
});
export type ChatCompletion = z.infer<typeof ChatCompletion>;

/** A call's first delta tells id, type and name; those after it add to its arguments. */
const FunctionCallDelta = z.object({
  index: z.int(),
  id: z.string().optional(),
  type: z.literal("function").optional(),
  function: CalledFunction.partial(),
});

/** One event of a streamed answer. */
export const ChatCompletionChunk = z.object({
  id: z.string(),
  object: z.literal("chat.completion.chunk"),
  created: z.int(),
  model: z.string(),
  choices: z.array(
    z.object({
      index: z.int(),
      delta: z.object({
        role: z.literal("assistant").optional(),
        content: z.string().optional(),
        reasoning_content: z.string().optional(),
        tool_calls: z.array(FunctionCallDelta).optional(),
      }),
      logprobs: ChoiceLogprobs.nullable(),
      finish_reason: FinishReason.nullable(),
    }),
  ),
  /** Only in the last chunk, and only when `stream_options.include_usage` asks for it. */
  usage: Usage.nullish(),
});
export type ChatCompletionChunk = z.infer<typeof ChatCompletionChunk>;
