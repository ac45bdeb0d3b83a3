import * as z from "zod";

import { MAX_TOKENS_FIELD } from "./limits.ts";

const budgetRange = `expected a whole number from 0 to ${MAX_TOKENS_FIELD}`;
const enableThinking = z.boolean().optional();

/** Fields of a chat request about what a thinking checkpoint thinks before it answers. */
export const ThinkingFields = {
  enable_thinking: enableThinking.describe(
    "Told to the chat template; checkpoints whose template does not ask for it answer as ever.",
  ),
  thinking_budget: z
    .int(budgetRange)
    .min(0, budgetRange)
    .max(MAX_TOKENS_FIELD, budgetRange)
    .optional()
    .describe("Tokens after which a thought is brought to its end; 0 ends it before it begins."),
  /** Of a template's variables a client may set these alone. */
  chat_template_kwargs: z
    .strictObject(
      { enable_thinking: enableThinking, add_vision_id: z.boolean().optional() },
      {
        error: ({ code }) =>
          code === "unrecognized_keys"
            ? undefined
            : "expected an object with enable_thinking or add_vision_id",
      },
    )
    .optional()
    .describe("Variables of the chat template; fields of the same name win."),
};
