import type { Conversation, TemplateMessage } from "./conversation.ts";

type Rewrite = (text: string) => string;

/**
 * The same conversation with every text rewritten that a client chose: contents, thoughts, names, tool
 * definitions with their keys, arguments of calls. Roles and types of parts stay; templates ask for them.
 */
export function mapTexts(conversation: Conversation, rewrite: Rewrite): Conversation {
  return {
    ...conversation,
    messages: conversation.messages.map((message) => mapMessage(message, rewrite)),
    tools: conversation.tools?.map(({ type, function: definition }) => ({
      type,
      function: mapRecord(definition, rewrite),
    })),
  };
}

function mapMessage(message: TemplateMessage, rewrite: Rewrite): TemplateMessage {
  const { role, content, name, tool_call_id: callId, tool_calls: calls } = message;
  const { reasoning_content: reasoning } = message;
  return {
    role,
    content:
      typeof content === "string"
        ? rewrite(content)
        : content.map((part) =>
            part.type === "text" ? { type: part.type, text: rewrite(part.text) } : part,
          ),
    ...(name === undefined ? {} : { name: rewrite(name) }),
    ...(reasoning === undefined ? {} : { reasoning_content: rewrite(reasoning) }),
    ...(callId === undefined ? {} : { tool_call_id: rewrite(callId) }),
    ...(calls === undefined
      ? {}
      : {
          tool_calls: calls.map(({ type, function: called }) => ({
            type,
            function: {
              name: rewrite(called.name),
              arguments: mapStrings(called.arguments, rewrite),
            },
          })),
        }),
  };
}

function mapStrings(value: unknown, rewrite: Rewrite): unknown {
  if (typeof value === "string") {
    return rewrite(value);
  }
  if (Array.isArray(value)) {
    return value.map((item) => mapStrings(item, rewrite));
  }
  return typeof value === "object" && value !== null ? mapRecord(value, rewrite) : value;
}

function mapRecord(record: object, rewrite: Rewrite): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [rewrite(key), mapStrings(value, rewrite)]),
  );
}
