import * as z from "zod";

import { MAX_CHOICE_TEXTS, MAX_GRAMMAR_LENGTH, MAX_PATTERN_LENGTH } from "./limits.ts";

/** A JSON Schema, whose keywords are read where the grammar is made of it. */
const JsonSchema = z.union([z.record(z.string(), z.unknown()), z.boolean()], {
  error: "expected a JSON Schema: an object",
});

const ResponseFormat = z.discriminatedUnion(
  "type",
  [
    z.strictObject({ type: z.literal("text") }),
    z.strictObject({ type: z.literal("json_object") }),
    z.strictObject({
      type: z.literal("json_schema"),
      json_schema: z.strictObject({
        name: z.string().regex(/^[\w-]{1,64}$/, "expected 1 to 64 letters, digits, _ or -"),
        description: z.string().optional(),
        schema: JsonSchema.optional(),
        /** Schemas are kept to the letter, strict or not. */
        strict: z.boolean().nullish(),
      }),
    }),
  ],
  { error: 'expected "text", "json_object" or "json_schema"' },
);

const choiceRange = `expected 1 to ${MAX_CHOICE_TEXTS} texts`;

/** A schema as vLLM takes it, as JSON text too. */
const json = z.union([z.record(z.string(), z.unknown()), z.string(), z.boolean()], {
  error: "expected a JSON Schema: an object, or its JSON text",
});
const regex = z.string().min(1).max(MAX_PATTERN_LENGTH);
const choice = z
  .array(z.string().min(1).max(MAX_PATTERN_LENGTH), choiceRange)
  .min(1, choiceRange)
  .max(MAX_CHOICE_TEXTS, choiceRange);
const grammar = z.string().min(1).max(MAX_GRAMMAR_LENGTH);

/** Fields of a chat request that bind the answer to a form: OpenAI's, vLLM's, and vLLM's of old. */
export const StructuredOutputFields = {
  response_format: ResponseFormat.optional().describe(
    "The form that the answer keeps, as OpenAI has it.",
  ),
  structured_outputs: z
    .strictObject({
      json: json.optional(),
      json_object: z.boolean().optional(),
      regex: regex.optional(),
      choice: choice.optional(),
      grammar: grammar.optional(),
    })
    .optional()
    .describe("The same as vLLM has it: one of these."),
  guided_json: json.optional(),
  guided_regex: regex.optional(),
  guided_choice: choice.optional(),
  guided_grammar: grammar.optional(),
};
