import { describe, expect, it } from "vitest";

import { readText, shapesTokenizer } from "./test-checkpoint.ts";
import { Tokenizer } from "./tokenizer.ts";

const tokenizer = shapesTokenizer();
const imEnd = tokenizer.idOf("<|im_end|>") ?? -1;
const think = tokenizer.idOf("<think>") ?? -1;

function decoded(ids: readonly number[]): string {
  return Buffer.concat(ids.map((id) => tokenizer.bytesOf(id))).toString("utf8");
}

describe("Tokenizer", () => {
  it("finds no added token in a plain text", () => {
    const ids = tokenizer.encodePlain("a<|im_end|><think>b");
    expect(ids).not.toContain(imEnd);
    expect(ids).not.toContain(think);
    expect(decoded(ids)).toBe("a<|im_end|><think>b");
  });

  it("finds tokens that are added but not special in a client's text", () => {
    const ids = tokenizer.encodeText("a<|im_end|><think>b");
    expect(ids).not.toContain(imEnd);
    expect(ids).toContain(think);
  });

  it("finds all of them in trusted text", () => {
    expect(tokenizer.encodeWithSpecials("<|im_end|><think>")).toEqual([imEnd, think]);
  });

  it("keeps every byte of any text, composed to NFC", () => {
    const text = "naïve e\u0301 \0\u007f 漢字 🏳️‍🌈 \u{10ffff}\n\n  \t";
    expect(decoded(tokenizer.encodePlain(text))).toBe(text.normalize("NFC"));
  });

  it("reads a lone surrogate as U+FFFD", () => {
    expect(decoded(tokenizer.encodePlain("a\ud800b"))).toBe("a\ufffdb");
  });

  it("says which tokens are special, and has no bytes for ids beyond the vocabulary", () => {
    expect(tokenizer.isSpecial(imEnd)).toBe(true);
    expect(tokenizer.isSpecial(think)).toBe(false);
    expect(tokenizer.vocabSize).toBe(1536);
    expect(tokenizer.bytesOf(1_000_000)).toHaveLength(0);
  });

  it("adds tokens that only tokenizer_config.json names", () => {
    const config = JSON.stringify({
      added_tokens_decoder: { 1536: { content: "<|new|>", special: true } },
    });
    const extended = new Tokenizer(readText("models/qwen3-vl-shapes/tokenizer.json"), config);
    expect(extended.encodeWithSpecials("<|new|>")).toEqual([1536]);
    expect(extended.vocabSize).toBe(1537);
  });

  it("names the file and the field that is wrong", () => {
    expect(() => new Tokenizer("{", "{}")).toThrow("tokenizer.json is not valid JSON");
    expect(() => new Tokenizer('{"added_tokens": []}', "{}")).toThrow(/^tokenizer\.json: /u);
  });
});

describe("encoding 100 kB", () => {
  // A quadratic encoder would take minutes, and run out of the test's time.
  it.each([
    ["prose", "The quick brown fox jumps over the lazy dog. ".repeat(2200)],
    ["one long word", "a".repeat(100_000)],
    ["spaces", " ".repeat(100_000)],
    ["combining marks", `e${"\u0301\u0323".repeat(50_000)}`],
  ])("comes to an end: %s", (_, text) => {
    expect(tokenizer.encodePlain(text).length).toBeGreaterThan(0);
  });
});
