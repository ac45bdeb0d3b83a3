import { randomUUID } from "node:crypto";

import type { ChatRequest } from "@qwen3-vl/shared/chat";
import { callableTools } from "@qwen3-vl/shared/tool-fields";

import type { OutputParser } from "../output/message-delta.ts";
import { MessageOutput } from "../output/message-output.ts";
import { ToolCallParser } from "../output/tool-call-parser.ts";
import type { ChatPrompt } from "../prompt/chat-prompt.ts";
import { endsInThought } from "../prompt/open-thought.ts";

/** What makes messages of the answers' texts, one for each choice. */
export function answerOutputs(request: ChatRequest, prompt: ChatPrompt): OutputParser[] {
  const hasTools = callableTools(request).length > 0;
  return Array.from({ length: request.n ?? 1 }, () => {
    const toolCalls = hasTools ? new ToolCallParser(callId) : undefined;
    return new MessageOutput({ toolCalls, beginsInThought: endsInThought(prompt) });
  });
}

function callId(): string {
  return `call_${randomUUID().replaceAll("-", "")}`;
}
