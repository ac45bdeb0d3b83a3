import { describe, expect, it } from "vitest";

import { MessageBuilder } from "./message-builder.ts";
import { MessageOutput } from "./message-output.ts";
import { ToolCallParser } from "./tool-call-parser.ts";

interface Written {
  reasoning: string;
  text: string;
}

function messageOf(parts: readonly Written[], beginsInThought = true) {
  const toolCalls = new ToolCallParser(() => "id");
  const output = new MessageOutput({ toolCalls, beginsInThought });
  const builder = new MessageBuilder();
  for (const delta of [...parts.flatMap((part) => output.push(part)), ...output.end()]) {
    builder.add(delta);
  }
  const { reasoning_content: reasoning, content, tool_calls: calls } = builder.message();
  return { reasoning, content, calls: calls?.length ?? 0 };
}

const bit = (written: Partial<Written>) => ({ reasoning: "", text: "", ...written });

const CALL = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>';

describe("MessageOutput", () => {
  it.each<[reasoning: string, text: string, message: ReturnType<typeof messageOf>]>([
    [
      "\nI see\n\na cat.\n",
      "\n\nA cat.\n",
      { reasoning: "I see\n\na cat.", content: "A cat.\n", calls: 0 },
    ],
    ["\n\n", "\n\nA cat.", { reasoning: undefined, content: "A cat.", calls: 0 }],
    ["", "\n\nA cat.", { reasoning: undefined, content: "A cat.", calls: 0 }],
    ["Click.\n", `\n\n${CALL}`, { reasoning: "Click.", content: null, calls: 1 }],
    [CALL, "", { reasoning: CALL, content: "", calls: 0 }],
  ])("parts the thought %j from %j however they come", (reasoning, text, message) => {
    expect(messageOf([{ reasoning, text }])).toEqual(message);
    expect(
      messageOf([
        ...reasoning.split("").map((letter) => bit({ reasoning: letter })),
        ...text.split("").map((letter) => bit({ text: letter })),
      ]),
    ).toEqual(message);
  });

  it("leaves the line breaks of an answer without a thought", () => {
    const message = messageOf([{ reasoning: "", text: "\n\nA cat." }], false);
    expect(message).toEqual({ reasoning: undefined, content: "\n\nA cat.", calls: 0 });
  });
});
