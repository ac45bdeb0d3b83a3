import * as z from "zod";

import { Tool } from "./chat-message.ts";
import { MAX_TOOLS } from "./limits.ts";

/** Fields of a chat request that say what form the answer has. */
export const OutputFields = {
  tools: z.array(Tool).max(MAX_TOOLS).optional(),

  // Fields whose neutral value is sent by many clients; other values are not supported yet.
  tool_choice: z.enum(["auto"], 'only "auto" is supported').optional(),
  response_format: z
    .strictObject({ type: z.literal("text", 'only "text" is supported') })
    .optional(),
};
