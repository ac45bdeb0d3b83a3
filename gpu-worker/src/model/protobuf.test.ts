import { expect, it } from "vitest";

import { ProtobufWriter } from "./protobuf.ts";

function hex(write: (writer: ProtobufWriter) => void): string {
  const writer = new ProtobufWriter();
  write(writer);
  return Buffer.from(writer.finish()).toString("hex");
}

// The examples of https://protobuf.dev/programming-guides/encoding/ and what follows from its rules.
it.each<[string, (writer: ProtobufWriter) => void, string]>([
  ["a small number", (writer) => writer.int(1, 150), "089601"],
  ["zero", (writer) => writer.int(1, 0), "0800"],
  ["a negative number in ten bytes", (writer) => writer.int(1, -1), "08ffffffffffffffffff01"],
  ["the largest number", (writer) => writer.int(1, 2n ** 63n - 1n), "08ffffffffffffffff7f"],
  ["a field number that needs two bytes", (writer) => writer.int(20, 7), "a00107"],
  ["a float", (writer) => writer.float(2, 1), "150000803f"],
  ["a text in UTF-8", (writer) => writer.string(2, "té"), "120374c3a9"],
  ["an empty text", (writer) => writer.string(2, ""), "1200"],
  ["bytes", (writer) => writer.bytes(9, Uint8Array.of(0, 255)), "4a0200ff"],
  ["a message", (writer) => writer.message(3, (inner) => inner.int(1, 150)), "1a03089601"],
  ["nothing", () => undefined, ""],
])("writes %s as protocol buffers do", (_, write, expected) => {
  expect(hex(write)).toBe(expected);
});

it("keeps fields in the order in which they are written", () => {
  expect(
    hex((writer) => {
      writer.int(2, 1);
      writer.string(1, "a");
      writer.int(2, 2);
    }),
  ).toBe("10010a01611002");
});
