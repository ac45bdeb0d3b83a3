import { withUrls } from "@qwen3-vl/shared/chat";
import type { ChatRequest } from "@qwen3-vl/shared/chat";

type Message = ChatRequest["messages"][number];

/** Characters of a text that tell conversations apart: a system prompt of a book costs no more than this. */
const KEPT_TEXT = 4096;

/**
 * What all turns of a conversation have in common and others have not: tenant, model, and the messages
 * up to the first of the user, with their pictures. A worker that had one turn has its caches warm for the next.
 *
 * @param contentOf what names a medium's bytes by the URL that stands in the request
 */
export function conversationKey(
  tenant: string,
  { model, messages }: Pick<ChatRequest, "model" | "messages">,
  contentOf: (url: string) => string,
): string {
  const firstQuestion = messages.findIndex(({ role }) => role === "user");
  const opening = firstQuestion === -1 ? messages : messages.slice(0, firstQuestion + 1);
  const contents = opening.map(({ role, content }) => ({
    role,
    content: told(content, contentOf),
  }));
  return JSON.stringify([tenant, model, contents]);
}

function told(content: Message["content"], contentOf: (url: string) => string): unknown {
  return typeof content === "object" && content !== null
    ? content.map((part) => (part.type === "text" ? cut(part.text) : withUrls(part, contentOf)))
    : cut(content ?? "");
}

/** Its beginning and its end: prompts made from one template differ in the end. */
function cut(text: string): string {
  return text.length <= KEPT_TEXT
    ? text
    : `${text.slice(0, KEPT_TEXT / 2)}${text.slice(-KEPT_TEXT / 2)}`;
}
