import type { MessageDelta, OutputParser } from "./message-delta.ts";
import type { ToolCallParser } from "./tool-call-parser.ts";

export interface MessageOutputOptions {
  /** What takes calls out of the text; without it, all text is content. */
  toolCalls: ToolCallParser | undefined;
  /** Whether the prompt ends within a thought. */
  beginsInThought: boolean;
}

/**
 * An answer as content, thought and calls. The line breaks around a thought are layout, which chat
 * templates take away and write anew: they belong to neither thought nor content.
 */
export class MessageOutput implements OutputParser {
  readonly #toolCalls: ToolCallParser | undefined;
  /** Line breaks after which the thought may go on. */
  #heldBreaks = "";
  #hasReasoning = false;
  #isBeforeContent: boolean;

  constructor({ toolCalls, beginsInThought }: MessageOutputOptions) {
    this.#toolCalls = toolCalls;
    this.#isBeforeContent = beginsInThought;
  }

  get hasToolCalls(): boolean {
    return this.#toolCalls?.hasCalls ?? false;
  }

  push({ reasoning, text }: { reasoning: string; text: string }): readonly MessageDelta[] {
    return [...this.#reasoning(reasoning), ...this.#content(text)];
  }

  end(): readonly MessageDelta[] {
    return this.#toolCalls?.end() ?? [];
  }

  #reasoning(text: string): MessageDelta[] {
    if (text === "") {
      return [];
    }
    this.#isBeforeContent = true;
    const held = this.#heldBreaks + text;
    const begun = this.#hasReasoning ? held : held.replace(/^\n+/, "");
    const shown = begun.replace(/\n+$/, "");
    this.#heldBreaks = begun.slice(shown.length);
    this.#hasReasoning ||= shown !== "";
    return shown === "" ? [] : [{ reasoning_content: shown }];
  }

  #content(text: string): MessageDelta[] {
    const content = this.#isBeforeContent ? text.replace(/^\n+/, "") : text;
    if (content === "") {
      return [];
    }
    this.#isBeforeContent = false;
    return this.#toolCalls?.push(content) ?? [{ content }];
  }
}
