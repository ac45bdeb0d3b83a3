import * as z from "zod";

/** OpenAI's bounds. */
const MAX_PAIRS = 16;

/** A client's own notes on a thing, given back unchanged. */
export const Metadata = z
  .record(z.string().min(1).max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= MAX_PAIRS, `expected at most ${MAX_PAIRS} pairs`)
  .describe(`Up to ${MAX_PAIRS} pairs of texts, given back unchanged.`);
export type Metadata = z.infer<typeof Metadata>;
