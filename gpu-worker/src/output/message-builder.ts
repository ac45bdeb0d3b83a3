import type { ChatCompletion } from "@qwen3-vl/shared/chat-completion";

import type { MessageDelta } from "./message-delta.ts";

type Message = ChatCompletion["choices"][number]["message"];
type FunctionCall = NonNullable<Message["tool_calls"]>[number];

/** Puts the deltas of one answer together to the message that they stream. */
export class MessageBuilder {
  #content = "";
  #reasoning: string | undefined;
  readonly #calls: FunctionCall[] = [];

  add({ content, reasoning_content: reasoning, tool_calls: calls }: MessageDelta): void {
    this.#content += content ?? "";
    if (reasoning !== undefined) {
      this.#reasoning = (this.#reasoning ?? "") + reasoning;
    }
    for (const { index, id = "", function: part } of calls ?? []) {
      const call = (this.#calls[index] ??= {
        id,
        type: "function",
        function: { name: "", arguments: "" },
      });
      call.function.name += part.name ?? "";
      call.function.arguments += part.arguments ?? "";
    }
  }

  message(): Message {
    const hasCalls = this.#calls.length > 0;
    return {
      role: "assistant",
      content: hasCalls && this.#content === "" ? null : this.#content,
      ...(this.#reasoning === undefined ? {} : { reasoning_content: this.#reasoning }),
      ...(hasCalls ? { tool_calls: this.#calls } : {}),
      refusal: null,
    };
  }
}
