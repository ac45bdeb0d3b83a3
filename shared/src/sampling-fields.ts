import * as z from "zod";

import { MAX_STOP_LENGTH, MAX_STOP_STRINGS, MAX_TOKENS_FIELD } from "./limits.ts";

const tokenRange = `expected a whole number from 1 to ${MAX_TOKENS_FIELD}`;
const tokens = z.int(tokenRange).min(1, tokenRange).max(MAX_TOKENS_FIELD, tokenRange);
const penalty = z.number().min(-2).max(2);
const stopString = z.string().min(1).max(MAX_STOP_LENGTH);

/** Fields of a chat request that choose tokens and the answer's end. */
export const SamplingFields = {
  max_tokens: tokens.optional(),
  max_completion_tokens: tokens.optional(),
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().gt(0).max(1).optional(),
  top_k: z.int().min(-1).max(MAX_TOKENS_FIELD).optional(),
  min_p: z.number().min(0).max(1).optional(),
  presence_penalty: penalty.optional(),
  frequency_penalty: penalty.optional(),
  repetition_penalty: z.number().gt(0).max(10).optional(),
  seed: z.int().optional(),
  stop: z
    .union([stopString, z.array(stopString).max(MAX_STOP_STRINGS)], {
      error: `expected a string or up to ${MAX_STOP_STRINGS} strings of 1 to ${MAX_STOP_LENGTH} characters`,
    })
    .optional(),

  // Fields whose neutral value is sent by many clients; other values are not supported yet.
  n: z.literal(1, "only 1 is supported").optional(),
  logprobs: z.literal(false, "log-probabilities are not supported").optional(),
  logit_bias: z
    .record(z.string(), z.unknown())
    .refine((bias) => Object.keys(bias).length === 0, "only an empty object is supported")
    .optional(),
};
