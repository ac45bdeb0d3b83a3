import { describe, expect, it } from "vitest";

import { CompletionMeter } from "./completion-meter.ts";

const STREAM = [
  ": ping\n",
  'id: 1\ndata: {"choices":[{"delta":{"content":"é id: 9"}}]}\n\n',
  ": cached=64\n: reasoning=3\n: reasoning=5\n",
  `id: 12\ndata: {"long":"${"x".repeat(100)}"}\n\n`,
  "data: [DONE]\n\n",
].join("");

function meterOf(text: string, chunkBytes: number): CompletionMeter {
  const meter = new CompletionMeter();
  const bytes = new TextEncoder().encode(text);
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    meter.push(bytes.subarray(start, start + chunkBytes));
  }
  return meter;
}

describe("CompletionMeter", () => {
  it.each([1, 2, 3, 7, 32, 1000])("counts in chunks of %i bytes", (chunkBytes) => {
    expect(meterOf(STREAM, chunkBytes)).toMatchObject({
      completionTokens: 12,
      reasoningTokens: 5,
      cachedTokens: 64,
      isDone: true,
    });
  });

  it("does not take a cut stream for a finished one", () => {
    const cut = STREAM.slice(0, STREAM.indexOf("[DONE]") + 6);
    expect(meterOf(cut, 5)).toMatchObject({ completionTokens: 12, isDone: false });
  });

  it("looks at whole lines only", () => {
    const text = "xid: 5\nid: 6x\n id: 7\ndata: id: 8\n";
    expect(meterOf(text, 4).completionTokens).toBe(0);
  });
});
