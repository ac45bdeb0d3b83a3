import * as z from "zod";

/** A model in OpenAI's form, with what a client needs to size its requests. */
export const Model = z.object({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.string(),
  /** Tokens of prompt and answer together; vLLM's name. */
  max_model_len: z.int().positive(),
  /** Pixel areas between which the checkpoint's processor keeps a picture. */
  image: z.object({ min_pixels: z.int().positive(), max_pixels: z.int().positive() }),
});
export type Model = z.infer<typeof Model>;

export const ModelList = z.object({ object: z.literal("list"), data: z.array(Model) });
export type ModelList = z.infer<typeof ModelList>;
