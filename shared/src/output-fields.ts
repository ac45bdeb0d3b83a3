import * as z from "zod";

import { Tool } from "./chat-message.ts";
import { MAX_TOOLS } from "./limits.ts";
import { StructuredOutputFields } from "./structured-output-fields.ts";

/** Fields of a chat request that say what form the answer has. */
export const OutputFields = {
  ...StructuredOutputFields,
  tools: z.array(Tool).max(MAX_TOOLS).optional(),

  // Fields whose neutral value is sent by many clients; other values are not supported yet.
  tool_choice: z.enum(["auto"], 'only "auto" is supported').optional(),
};
