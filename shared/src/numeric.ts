import * as z from "zod";

/** A number, or a string of digits that stands for one: Qwen's own README sends such. */
export const numeric = (schema: z.ZodNumber) =>
  z.preprocess(
    (value) => (typeof value === "string" && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value),
    schema,
  );
