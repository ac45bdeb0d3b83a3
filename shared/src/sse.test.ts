import { describe, expect, it } from "vitest";

import { DONE, LineSplitter, formatComment, formatEvent, parseEvents } from "./sse.ts";
import type { ServerSentEvent } from "./sse.ts";

async function parse(chunks: readonly Uint8Array[]): Promise<ServerSentEvent[]> {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) {
        controller.enqueue(chunk);
      }
      controller.close();
    },
  });
  const events: ServerSentEvent[] = [];
  for await (const event of parseEvents(stream)) {
    events.push(event);
  }
  return events;
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

describe("parseEvents", () => {
  const text = [
    ": ping\n\n",
    formatEvent({ data: '{"a":"é €"}', id: "3" }),
    "event: x\ndata:no space\ndata:  two\nretry: 5\n\n",
    "id\ndata\n\n\n",
    formatEvent({ data: DONE }),
  ].join("");
  const events = [
    { data: '{"a":"é €"}', id: "3" },
    { data: "no space\n two", id: "3" },
    { data: "", id: "" },
    { data: DONE, id: "" },
  ];

  it.each([
    ["\\n", text],
    ["\\r\\n", text.replaceAll("\n", "\r\n")],
    ["\\r", text.replaceAll("\n", "\r")],
  ])(
    "gives the same events wherever chunks begin, with lines that end in %s",
    async (_, source) => {
      const bytes = bytesOf(source);
      expect(await parse([bytes])).toEqual(events);
      expect(await parse(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(events);
      for (let cut = 1; cut < bytes.length; cut++) {
        const parts = [bytes.subarray(0, cut), new Uint8Array(), bytes.subarray(cut)];
        expect(await parse(parts)).toEqual(events);
      }
    },
  );

  it("drops an event that the end of the stream cuts off", async () => {
    expect(await parse([bytesOf("data: whole\n\ndata: half\n")])).toEqual([{ data: "whole" }]);
  });

  it("finds no empty line behind a comment, at which some clients would see an event", () => {
    expect(formatComment("ping")).toBe(": ping\n");
  });

  it("reads back what was written", async () => {
    const written = [
      { data: "{}", id: "0" },
      { data: "a: b", id: "1" },
    ];
    const stream = written.map(formatEvent).join(formatComment("ping"));
    expect(await parse([bytesOf(stream)])).toEqual(written);
  });
});

describe("LineSplitter", () => {
  it("gives a line as soon as its end is there, \\r included", () => {
    const splitter = new LineSplitter();
    expect(splitter.push("a\r")).toEqual(["a"]);
    expect(splitter.push("")).toEqual([]);
    expect(splitter.push("\nb\n\nc")).toEqual(["b", ""]);
    expect(splitter.push("d\r\n")).toEqual(["cd"]);
    expect(splitter.push("\n")).toEqual([""]);
  });
});
