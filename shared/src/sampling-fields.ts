import * as z from "zod";

import { ApiError } from "./errors.ts";
import {
  MAX_ALLOWED_TOKENS,
  MAX_BAD_WORDS,
  MAX_BAD_WORD_LENGTH,
  MAX_CHOICES,
  MAX_LOGIT_BIASES,
  MAX_STOP_LENGTH,
  MAX_STOP_STRINGS,
  MAX_STOP_TOKENS,
  MAX_TOKENS_FIELD,
  MAX_TOP_LOGPROBS,
} from "./limits.ts";

const wholeFrom = (least: number, most: number) => {
  const expected = `expected a whole number from ${least} to ${most}`;
  return z.int(expected).min(least, expected).max(most, expected);
};
const tokens = wholeFrom(1, MAX_TOKENS_FIELD);
const tokenId = wholeFrom(0, MAX_TOKENS_FIELD);
const penalty = z.number().min(-2).max(2);
const stopString = z.string().min(1).max(MAX_STOP_LENGTH);

const word = z.string().regex(/\S/, "expected more than white space").max(MAX_BAD_WORD_LENGTH);

/** Counted before its items are looked at: of a million bad ones, none needs an error of its own. */
function listOf<Item extends z.ZodType>(item: Item, least: number, most: number) {
  const expected = `expected a list of ${least} to ${most} items`;
  return z
    .array(z.unknown(), expected)
    .min(least, expected)
    .max(most, expected)
    .pipe(z.array(item));
}

const biasRange = "expected a number from -100 to 100";
const logitBias = z
  .record(z.string(), z.unknown())
  .superRefine((biases, context) => {
    const keys = Object.keys(biases);
    const odd = keys.find((key) => !/^\d{1,8}$/.test(key));
    if (keys.length > MAX_LOGIT_BIASES) {
      context.addIssue(`expected at most ${MAX_LOGIT_BIASES} tokens, got ${keys.length}`);
    } else if (odd !== undefined) {
      const message = "expected a token id";
      context.addIssue({ code: "custom", path: [odd], message, input: odd });
    }
  })
  .pipe(z.record(z.string(), z.number(biasRange).min(-100, biasRange).max(100, biasRange)));

/** Fields of a chat request that choose tokens and the answer's end. */
export const SamplingFields = {
  max_tokens: tokens
    .optional()
    .describe("Most tokens of each answer; unless set all that the context leaves."),
  max_completion_tokens: tokens
    .optional()
    .describe("The same by OpenAI's newer name, and stronger."),
  min_tokens: wholeFrom(0, MAX_TOKENS_FIELD)
    .optional()
    .describe("Tokens before which no answer ends."),
  n: wholeFrom(1, MAX_CHOICES).optional().describe("How many answers."),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .optional()
    .describe(
      "0 takes the likeliest token; unless set the checkpoint's own, as with the fields below.",
    ),
  top_p: z
    .number()
    .gt(0)
    .max(1)
    .optional()
    .describe("Only the likeliest tokens that make up this probability."),
  top_k: z
    .int()
    .min(-1)
    .max(MAX_TOKENS_FIELD)
    .optional()
    .describe("Only so many of the likeliest tokens; 0 or -1 is all."),
  min_p: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe("Only tokens at least this likely, relative to the likeliest."),
  presence_penalty: penalty.optional().describe("Taken off tokens that the answer has."),
  frequency_penalty: penalty
    .optional()
    .describe("Taken off tokens each time that the answer has them."),
  repetition_penalty: z
    .number()
    .gt(0)
    .max(10)
    .optional()
    .describe("Divides what speaks for tokens of prompt and answer."),
  seed: z.int().optional().describe("Same seed, same answer, whatever else runs."),
  stop: z
    .union([stopString, z.array(stopString).max(MAX_STOP_STRINGS)], {
      error: `expected a string or up to ${MAX_STOP_STRINGS} strings of 1 to ${MAX_STOP_LENGTH} characters`,
    })
    .optional()
    .describe("Texts that end an answer, and are not in it."),
  stop_token_ids: listOf(tokenId, 0, MAX_STOP_TOKENS)
    .optional()
    .describe("Tokens that end an answer."),
  include_stop_str_in_output: z
    .boolean()
    .optional()
    .describe("Whether the answer keeps what ended it."),
  ignore_eos: z
    .boolean()
    .optional()
    .describe("Whether an answer goes on behind the model's own end."),
  skip_special_tokens: z.boolean().optional().describe("False shows special tokens as text."),
  logit_bias: logitBias.optional().describe("Added to what speaks for tokens, by id."),
  allowed_token_ids: listOf(tokenId, 1, MAX_ALLOWED_TOKENS)
    .optional()
    .describe("Only these tokens."),
  bad_words: listOf(word, 0, MAX_BAD_WORDS).optional().describe("Words that no answer has."),
  logprobs: z.boolean().optional().describe("Whether each token comes with its log-probability."),
  top_logprobs: wholeFrom(0, MAX_TOP_LOGPROBS)
    .optional()
    .describe("How many of the likeliest others come with it."),
};

interface ConnectedFields {
  max_tokens?: number | undefined;
  max_completion_tokens?: number | undefined;
  min_tokens?: number | undefined;
  logprobs?: boolean | undefined;
  top_logprobs?: number | undefined;
}

/** @throws ApiError `invalid_request` that names the field that does not go with another */
export function assertConsistent(fields: ConnectedFields): void {
  const { min_tokens: least = 0, logprobs, top_logprobs: top = 0 } = fields;
  const most = fields.max_completion_tokens ?? fields.max_tokens ?? MAX_TOKENS_FIELD;
  if (least > most) {
    throw new ApiError(
      "invalid_request",
      `min_tokens: expected at most the ${most} tokens that the answer may have, got ${least}.`,
      { param: "min_tokens" },
    );
  }
  if (top > 0 && logprobs !== true) {
    throw new ApiError(
      "invalid_request",
      `top_logprobs: expected logprobs to be true beside it, got ${logprobs}.`,
      { param: "top_logprobs" },
    );
  }
}
