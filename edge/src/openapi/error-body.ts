import * as z from "zod";

/** Body of every refusal and failure, as `ApiError` writes it. */
export const ErrorBody = z.object({
  error: z.object({
    message: z.string().describe("What was expected and what was got."),
    type: z.string(),
    param: z.string().nullable().describe("Dotted path of the field at fault."),
    code: z.string(),
  }),
});
