import * as z from "zod";

import { Tool } from "./chat-message.ts";
import { ApiError } from "./errors.ts";
import { MAX_TOOLS } from "./limits.ts";

const NamedTool = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({ name: z.string() }),
});

/** Fields of a chat request that say what the model may call. */
export const ToolFields = {
  tools: z.array(Tool).max(MAX_TOOLS).optional().describe("Functions that the model may call."),
  tool_choice: z
    .union([z.enum(["none", "auto", "required"]), NamedTool], {
      error: 'expected "none", "auto", "required" or {"type":"function","function":{"name":"…"}}',
    })
    .optional()
    .describe("Whether it may, must, or must not call one, or which."),
  parallel_tool_calls: z
    .boolean()
    .optional()
    .describe("False ends the answer with its first call."),
};

const ToolRequest = z.object(ToolFields);
type ToolRequest = z.infer<typeof ToolRequest>;

/** The tools that the model is shown and may call: with `tool_choice` `none` there are none. */
export function callableTools({ tools = [], tool_choice: choice }: ToolRequest): readonly Tool[] {
  return choice === "none" ? [] : tools;
}

/** @throws ApiError `invalid_request` when `tool_choice` names what `tools` does not have */
export function assertToolChoice({ tools = [], tool_choice: choice }: ToolRequest): void {
  if (choice === undefined) {
    return;
  }
  if (tools.length === 0) {
    throw invalidChoice("tool_choice", "only allowed when tools are given");
  }
  if (typeof choice === "string") {
    return;
  }
  const { name } = choice.function;
  if (!tools.some((tool) => tool.function.name === name)) {
    const got = JSON.stringify(name.slice(0, MAX_SHOWN_LENGTH));
    throw invalidChoice(
      "tool_choice.function.name",
      `expected the name of one of tools, got ${got}`,
    );
  }
}

/** A name may be megabytes; an error message may not. */
const MAX_SHOWN_LENGTH = 80;

function invalidChoice(param: string, reason: string): ApiError {
  return new ApiError("invalid_request", `${param}: ${reason}.`, { param });
}
