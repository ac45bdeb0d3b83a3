import { describe, expect, it } from "vitest";

import { seededRandom } from "../engine/random.ts";
import { MessageBuilder } from "./message-builder.ts";
import type { MessageDelta } from "./message-delta.ts";
import { ToolCallParser } from "./tool-call-parser.ts";

function deltasOf(parts: readonly string[]): { deltas: MessageDelta[]; hasCalls: boolean } {
  let ids = 0;
  const parser = new ToolCallParser(() => `call_${ids++}`);
  const deltas = [...parts.flatMap((part) => parser.push(part)), ...parser.end()];
  return { deltas, hasCalls: parser.hasCalls };
}

/** What a client puts together: content, calls, and whether the end was that of a call. */
function messageOf(...parts: readonly string[]) {
  const { deltas, hasCalls } = deltasOf(parts);
  const builder = new MessageBuilder();
  for (const delta of deltas) {
    builder.add(delta);
  }
  const { content, tool_calls: calls = [] } = builder.message();
  return {
    content,
    calls: calls.map((call) => [call.id, call.function.name, call.function.arguments]),
    hasCalls,
  };
}

const F =
  '<tool_call>\n{"name": "f", "arguments": {"a": [1, -2.5e+3, "}\\"\\u00e9"]}}\n</tool_call>';
const F_ARGUMENTS = '{"a": [1, -2.5e+3, "}\\"\\u00e9"]}';
const G = '<tool_call>{"arguments":{},"name":"g"}</tool_call>';
const f = ["call_0", "f", F_ARGUMENTS];

type Message = ReturnType<typeof messageOf>;
const only = (content: string): Message => ({ content, calls: [], hasCalls: false });

/** Texts that a model writes, and what a client gets. */
const cases: [name: string, text: string, message: Message][] = [
  ["nothing", "", only("")],
  ["text", " Hello\n\n", only(" Hello\n\n")],
  ["a call", F, { content: null, calls: [f], hasCalls: true }],
  ["keys in the other order", G, { content: null, calls: [["call_0", "g", "{}"]], hasCalls: true }],
  [
    "text, calls and text, without the line breaks around calls",
    `I click.\n${F}\n${G}\n\nDone. \n`,
    { content: "I click.Done. \n", calls: [f, ["call_1", "g", "{}"]], hasCalls: true },
  ],
  ["a call without its end", F.slice(0, -13), { content: null, calls: [f], hasCalls: true }],
  [
    "a call without its brace",
    F.replace("}}\n", "}\n"),
    { content: null, calls: [f], hasCalls: true },
  ],
  [
    "a call with a brace too many",
    F.replace("}}\n", "}}}\n"),
    { content: "}\n</tool_call>", calls: [f], hasCalls: true },
  ],
  [
    "a call with one more key",
    F.replace("}}\n", '}, "id": 1}\n'),
    { content: ', "id": 1}\n</tool_call>', calls: [f], hasCalls: true },
  ],
  [
    "a call that the answer's end cuts",
    F.slice(0, F.indexOf(", -")),
    { content: null, calls: [["call_0", "f", '{"a": [1']], hasCalls: false },
  ],
  [
    "a call that is cut before anything is known of it",
    'Hi\n<tool_call>\n{"name": "f", "ar',
    only('Hi\n<tool_call>\n{"name": "f", "ar'),
  ],
  [
    "arguments that go wrong",
    '<tool_call>{"name": "f", "arguments": {"a": 1, b}}</tool_call> Well.',
    { content: "b}}</tool_call> Well.", calls: [["call_0", "f", '{"a": 1, ']], hasCalls: false },
  ],
  [
    "a whole call after one that went wrong",
    `<tool_call>{"name": "g", "arguments": {x ${F}`,
    {
      content: "x",
      calls: [
        ["call_0", "g", "{"],
        ["call_1", "f", F_ARGUMENTS],
      ],
      hasCalls: true,
    },
  ],
  ["a tag alone", "<tool_call>", only("<tool_call>")],
  ["half a tag", "a <tool_ca", only("a <tool_ca")],
  ["a tag in prose", "Use <tool_call> tags.", only("Use <tool_call> tags.")],
  ["a tag that closes", "a</tool_call>b", only("a</tool_call>b")],
  ["an empty block", "<tool_call>\n</tool_call>", only("<tool_call>\n</tool_call>")],
  [
    "a call within a block that is none",
    `<tool_call>call: ${F}`,
    { content: "<tool_call>call:", calls: [f], hasCalls: true },
  ],
  ...[
    '{"name": "f"}',
    '{"name": "", "arguments": {}}',
    '{"name": 7, "arguments": {}}',
    '{"name": "f", "name": "f", "arguments": {}}',
    '{"name": "f", "arguments": "{}"}',
    '{"name": "f", "arguments": []}',
    '{"name": "f", "arguments": null}',
    '{"name": "f", "parameters": {}}',
    '{"arguments": {"a": 01}, "name": "f"}',
    '[{"name": "f", "arguments": {}}]',
    "{'name': 'f', 'arguments': {}}",
    '{"name": "a\nb", "arguments": {}}',
    "f(1)",
  ].map((body): [string, string, Message] => {
    const text = `<tool_call>\n${body}\n</tool_call>`;
    return [`a block of ${body}`, text, only(text)];
  }),
];

describe("ToolCallParser", () => {
  it.each(cases)("reads %s", (_, text, message) => {
    expect(messageOf(text)).toEqual(message);
  });

  it.each(cases)("reads %s however it is parted", (_, text, message) => {
    expect(messageOf(...text.split(""))).toEqual(message);
    for (let first = 0; first <= text.length; first++) {
      for (let second = first; second <= text.length; second++) {
        const parts = [text.slice(0, first), text.slice(first, second), text.slice(second)];
        expect(messageOf(...parts)).toEqual(message);
      }
    }
  });

  it("tells id, type and name first, then the arguments as they come", () => {
    const { deltas } = deltasOf(['<tool_call>{"name": "f", "arguments": {"a', '": 1', "}}"]);
    expect(deltas).toEqual([
      {
        tool_calls: [
          { index: 0, id: "call_0", type: "function", function: { name: "f", arguments: "" } },
        ],
      },
      { tool_calls: [{ index: 0, function: { arguments: '{"a' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '": 1' } }] },
      { tool_calls: [{ index: 0, function: { arguments: "}" } }] },
    ]);
  });

  it("gives whole arguments that are exactly what JSON.parse takes", () => {
    const random = seededRandom(5);
    const pieces = [
      '{"a": 1}',
      '"x"',
      "[",
      "]",
      "{",
      "}",
      ":",
      ",",
      "1",
      "-",
      ".5",
      "e3",
      "0",
      "null",
      " ",
      '"',
      "\\n",
    ];
    for (let round = 0; round < 3000; round++) {
      const body = Array.from({ length: 1 + random() * 5 }, () => pick(pieces, random())).join("");
      const text = `{"k": ${body}}`;
      const { calls, hasCalls } = messageOf(`<tool_call>{"name": "f", "arguments": ${text}`);
      const isWhole = hasCalls && calls[0]?.[2] === text;
      expect({ text, isWhole }).toEqual({ text, isWhole: isJson(text) });
    }
  });

  it("loses nothing of malformed calls", () => {
    const random = seededRandom(7);
    const alphabet = [
      ...'{}[]",:\\ \n01e-'.split(""),
      "name",
      "arguments",
      '"name": "f"',
      "<tool_call>",
      "</tool_call>",
      "Text",
    ];
    for (let round = 0; round < 3000; round++) {
      const broken = mutated(`Hm. ${F}\n${F} So.`, alphabet, random);
      const { deltas } = deltasOf(partsOf(broken, random));
      expect({ broken, left: unread(broken, deltas) }).toEqual({ broken, left: "" });
    }
  });

  it("takes a hundred thousand tags in linear time", () => {
    const text = "<tool_call>".repeat(1e5);
    expect(messageOf(text)).toEqual(only(text));
    expect(messageOf(...(text.match(/[^]{1,50000}/g) ?? []))).toEqual(only(text));
  });
});

function pick<T>(items: readonly T[], uniform: number): T | undefined {
  return items[Math.floor(uniform * items.length)];
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function mutated(text: string, alphabet: readonly string[], random: () => number): string {
  let broken = text;
  for (let change = 0; change < 1 + random() * 4; change++) {
    const at = Math.floor(random() * broken.length);
    const removed = Math.floor(random() * 3);
    broken = broken.slice(0, at) + (pick(alphabet, random()) ?? "") + broken.slice(at + removed);
  }
  return broken;
}

function partsOf(text: string, random: () => number): string[] {
  const parts: string[] = [];
  for (let begin = 0; begin < text.length;) {
    const end = begin + 1 + Math.floor(random() * 12);
    parts.push(text.slice(begin, end));
    begin = end;
  }
  return parts;
}

/** A call up to its arguments, and what may follow them. */
const HEAD = /^\s*<tool_call>\s*\{\s*"name"\s*:\s*"(?:[^"\\]|\\.)*"\s*,\s*"arguments"\s*:\s*/;
const ARGUMENTS_FIRST = /^\s*<tool_call>\s*\{\s*"arguments"\s*:\s*/;
const NAME_LAST = /^\s*,\s*"name"\s*:\s*"(?:[^"\\]|\\.)*"/;
const TAIL = /^\s*(?:\}\s*)?(?:<\/tool_call>\s*)?/;

/** What is left of a text after all that the deltas tell, read along it; each must stand where it is due. */
function unread(text: string, deltas: readonly MessageDelta[]): string {
  let rest = text;
  for (const { content, tool_calls: calls } of deltas) {
    const [call] = calls ?? [];
    const piece = content ?? call?.function.arguments ?? "";
    if (call?.id !== undefined) {
      rest = rest.replace(TAIL, "").replace(HEAD, "").replace(ARGUMENTS_FIRST, "");
    } else if (!rest.startsWith(piece)) {
      rest = rest.replace(NAME_LAST, "").replace(TAIL, "");
    }
    expect(rest.slice(0, piece.length)).toBe(piece);
    rest = rest.slice(piece.length);
  }
  return rest.replace(NAME_LAST, "").replace(/^\s*(?:\}\s*)?[</a-z_>]*\s*$/, "");
}
