import * as z from "zod";

import { ThinkingFields } from "./thinking-fields.ts";
import { ToolFields } from "./tool-fields.ts";

/** Fields of a chat request that say what form the answer has. */
export const OutputFields = {
  ...ToolFields,
  ...ThinkingFields,

  // Fields whose neutral value is sent by many clients; other values are not supported yet.
  response_format: z
    .strictObject({ type: z.literal("text", 'only "text" is supported') })
    .optional(),
};
