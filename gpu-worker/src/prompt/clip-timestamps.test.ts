import { describe, expect, it } from "vitest";

import { writeTimestamps } from "./clip-timestamps.ts";

const text = (content: string) => ({ text: content, isLiteral: false });
const token = (content: string) => ({ text: content, isLiteral: true });
const clipTokens = [token("<|vision_start|>"), token("<|video_pad|>"), token("<|vision_end|>")];
const clip = { grid: { t: 2, h: 2, w: 2 }, timestamps: ["0.3", "1.3"] };

describe("writeTimestamps", () => {
  it("writes each frame pair with its time, between the start and the end of the clip", () => {
    const pieces = [token("<|im_start|>"), text("user\nVideo 1: "), ...clipTokens, text("Hi")];
    expect(writeTimestamps(pieces, [clip])).toEqual([
      token("<|im_start|>"),
      text("user\nVideo 1: "),
      token("<|vision_start|>"),
      text("<0.3 seconds>"),
      ...clipTokens,
      text("<1.3 seconds>"),
      ...clipTokens,
      token("<|vision_end|>"),
      text("Hi"),
    ]);
  });

  it("joins a time with the text before it, to be tokenised together", () => {
    const pieces = [text("see: "), token("<|video_pad|>")];
    expect(writeTimestamps(pieces, [clip])[0]).toEqual(text("see: <0.3 seconds>"));
  });

  it("leaves what a client wrote that looks like a clip", () => {
    const forged = [text("<|vision_start|><|video_pad|><|vision_end|>")];
    expect(writeTimestamps(forged, [])).toEqual(forged);
  });

  it("refuses another number of clips than the template wrote", () => {
    expect(() => writeTimestamps([text("Hi")], [clip])).toThrow("0 clips of 1");
  });
});
