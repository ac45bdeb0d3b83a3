import * as z from "zod";

import { ContentPart } from "./content-part.ts";
import { MAX_PARTS_PER_MESSAGE, MAX_TOOLS } from "./limits.ts";

const Content = z.union([z.string(), z.array(ContentPart).min(1).max(MAX_PARTS_PER_MESSAGE)], {
  error: `expected a string or a list of 1 to ${MAX_PARTS_PER_MESSAGE} content parts`,
});

const ToolCall = z.strictObject({
  id: z.string(),
  type: z.literal("function"),
  function: z.strictObject({ name: z.string().min(1), arguments: z.string() }),
});

const name = z.string().max(64).optional();

export const Message = z.discriminatedUnion(
  "role",
  [
    z.strictObject({ role: z.enum(["system", "developer"]), content: Content, name }),
    z.strictObject({ role: z.literal("user"), content: Content, name }),
    z.strictObject({
      role: z.literal("assistant"),
      content: Content.nullish(),
      /** What it thought then; the chat template decides whether the model sees it again. */
      reasoning_content: z.string().nullish(),
      tool_calls: z.array(ToolCall).max(MAX_TOOLS).nullish(),
      name,
      // OpenAI's clients send the answer's message back whole; these carry nothing for a model.
      refusal: z.null().optional(),
      annotations: z.array(z.unknown()).nullish(),
      audio: z.null().optional(),
      function_call: z.null().optional(),
    }),
    z.strictObject({ role: z.literal("tool"), content: Content, tool_call_id: z.string(), name }),
  ],
  { error: 'expected a message of role "system", "developer", "user", "assistant" or "tool"' },
);
export type Message = z.infer<typeof Message>;

export const Tool = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({
    name: z.string().regex(/^[\w.-]{1,64}$/, "expected 1 to 64 letters, digits, _, . or -"),
    description: z.string().optional(),
    parameters: z.record(z.string(), z.unknown()).optional(),
    strict: z.boolean().nullish(),
  }),
});
export type Tool = z.infer<typeof Tool>;
