import type { ChatRequest } from "@qwen3-vl/shared/chat";
import type { Message, Tool } from "@qwen3-vl/shared/chat-message";
import type { ContentPart } from "@qwen3-vl/shared/content-part";
import { parseJson } from "@qwen3-vl/shared/json";
import { callableTools } from "@qwen3-vl/shared/tool-fields";

type TemplatePart = { type: "text"; text: string } | { type: "image" } | { type: "video" };

interface TemplateToolCall {
  type: "function";
  /** Arguments are an object, or the client's string where that was none. */
  function: { name: string; arguments: unknown };
}

export interface TemplateMessage {
  role: "system" | "user" | "assistant" | "tool";
  content: string | readonly TemplatePart[];
  name?: string | undefined;
  reasoning_content?: string | undefined;
  tool_call_id?: string | undefined;
  tool_calls?: readonly TemplateToolCall[] | undefined;
}

interface TemplateTool {
  type: "function";
  function: Readonly<Record<string, unknown>>;
}

/** What a client may choose of how a template writes. */
interface TemplateOptions {
  /** Numbers the pictures in the prompt: `Picture 1: `. */
  addVisionId?: boolean | undefined;
  /** Templates of checkpoints that can do both ask for it; undefined is their own default. */
  enableThinking?: boolean | undefined;
}

/** What a chat template is given: the messages in the shape that transformers and vLLM pass. */
export interface Conversation extends TemplateOptions {
  messages: readonly TemplateMessage[];
  tools?: readonly TemplateTool[] | undefined;
}

/** The conversation of a request, as vLLM's server hands it to the template. */
export function toConversation(request: ChatRequest): Conversation {
  return {
    messages: request.messages.map(toTemplateMessage),
    tools: callableTools(request).map(toTemplateTool),
    ...templateOptions(request),
  };
}

/** The fields of a request, or what `chat_template_kwargs` says of those that it lacks. */
export function templateOptions(request: ChatRequest): TemplateOptions {
  const { chat_template_kwargs: variables } = request;
  return {
    addVisionId: request.add_vision_id ?? variables?.add_vision_id,
    enableThinking: request.enable_thinking ?? variables?.enable_thinking,
  };
}

/** `strict` is said to the server; models were trained on the rest of the definition. */
function toTemplateTool({ type, function: definition }: Tool): TemplateTool {
  const described = Object.entries(definition).filter(([key]) => key !== "strict");
  return { type, function: Object.fromEntries(described) };
}

function toTemplateMessage(message: Message): TemplateMessage {
  const { name } = message;
  const content = toTemplateContent(message.content ?? "");
  if (message.role === "assistant") {
    return {
      role: "assistant",
      content,
      name,
      ...(message.reasoning_content == null
        ? {}
        : { reasoning_content: message.reasoning_content }),
      tool_calls: message.tool_calls?.map(toTemplateCall),
    };
  }
  if (message.role === "tool") {
    return { role: "tool", content, name, tool_call_id: message.tool_call_id };
  }
  return { role: message.role === "developer" ? "system" : message.role, content, name };
}

function toTemplateContent(content: string | readonly ContentPart[]): TemplateMessage["content"] {
  return typeof content === "string" ? content : content.map(toTemplatePart);
}

function toTemplatePart(part: ContentPart): TemplatePart {
  switch (part.type) {
    case "text":
      return part;
    case "image_url":
      return { type: "image" };
    case "video_url":
    case "video":
      return { type: "video" };
  }
}

type ToolCall = NonNullable<Extract<Message, { role: "assistant" }>["tool_calls"]>[number];

function toTemplateCall({ type, function: called }: ToolCall): TemplateToolCall {
  return { type, function: { name: called.name, arguments: argumentsObject(called.arguments) } };
}

/** Templates print an object as they were trained to; text that is none is shown as it came. */
function argumentsObject(text: string): unknown {
  if (text.trim() === "") {
    return {};
  }
  try {
    const value = parseJson(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : text;
  } catch {
    return text; // malformed or nested too deep
  }
}
