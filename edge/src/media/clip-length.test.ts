import { describe, expect, it } from "vitest";

import { clipLengthMs } from "./clip-length.ts";

const be32 = (value: number) => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
const ascii = (text: string) => Array.from(text, (char) => char.charCodeAt(0));
const zeros = (length: number) => Array<number>(length).fill(0);
const box = (name: string, content: number[]) => [
  ...be32(8 + content.length),
  ...ascii(name),
  ...content,
];
const lengthOf = (bytes: number[]) => clipLengthMs("video/mp4", Uint8Array.from(bytes));

const header = [...zeros(12), ...be32(600), ...be32(1501)];
const longHeader = [1, ...zeros(19), ...be32(600), ...be32(0), ...be32(1501)];

describe("clipLengthMs", () => {
  it.each([
    ["short", header],
    ["long", longHeader],
  ])("reads a %s header, rounded up", (_, content) => {
    const file = [...box("ftyp", ascii("isom")), ...box("moov", box("mvhd", content))];
    expect(lengthOf(file)).toBe(2502);
  });

  it("finds a header behind the frames, in boxes of long sizes too", () => {
    const frames = [...be32(1), ...ascii("mdat"), ...be32(0), ...be32(16 + 5), ...zeros(5)];
    expect(lengthOf([...frames, ...box("moov", box("mvhd", header))])).toBe(2502);
  });

  it("finds nothing in what is cut off, damaged or of another kind", () => {
    const file = box("moov", box("mvhd", header));
    expect(lengthOf(file.slice(0, 20))).toBeUndefined();
    expect(lengthOf([...be32(4), ...ascii("moov")])).toBeUndefined();
    expect(lengthOf([])).toBeUndefined();
    expect(clipLengthMs("video/mpeg", Uint8Array.from(file))).toBeUndefined();
  });
});
