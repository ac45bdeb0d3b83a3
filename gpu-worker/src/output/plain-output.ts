import type { MessageDelta, OutputParser } from "./message-delta.ts";

/** All text is the message's content. */
export class PlainOutput implements OutputParser {
  readonly hasToolCalls = false;

  push(text: string): readonly MessageDelta[] {
    return text === "" ? [] : [{ content: text }];
  }

  end(): readonly MessageDelta[] {
    return [];
  }
}
