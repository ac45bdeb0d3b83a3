import { describe, expect, it } from "vitest";

import { IncrementalDetokenizer } from "./detokenizer.ts";
import { shapesTokenizer } from "./test-checkpoint.ts";

const tokenizer = shapesTokenizer();

function pieces(ids: readonly number[]): string[] {
  const detokenizer = new IncrementalDetokenizer(tokenizer);
  return [...ids.map((id) => detokenizer.push(id)), detokenizer.flush()];
}

describe("IncrementalDetokenizer", () => {
  it("never splits a character", () => {
    const ids = tokenizer.encodePlain("é漢🌈");
    expect(ids.length).toBeGreaterThan(3);
    const parts = pieces(ids);
    expect(parts.join("")).toBe("é漢🌈");
    expect(parts.filter((part) => part !== "")).toEqual(["é", "漢", "🌈"]);
  });

  it("skips special tokens, also in the middle of a character, and shows added ones", () => {
    const [first = -1, ...rest] = tokenizer.encodePlain("é");
    const imEnd = tokenizer.idOf("<|im_end|>") ?? -1;
    const think = tokenizer.idOf("<think>") ?? -1;
    expect(pieces([first, imEnd, ...rest, think]).join("")).toBe("é<think>");
  });

  it("turns invalid and unfinished bytes into U+FFFD and keeps a byte order mark", () => {
    const [begin = -1] = tokenizer.encodePlain("🌈");
    const a = tokenizer.encodePlain("a");
    expect(pieces([begin, ...a, begin]).join("")).toBe("\ufffda\ufffd");
    expect(pieces(tokenizer.encodePlain("\ufeffa")).join("")).toBe("\ufeffa");
  });

  it("shows special tokens where that is asked for", () => {
    const imEnd = tokenizer.idOf("<|im_end|>") ?? -1;
    const detokenizer = new IncrementalDetokenizer(tokenizer, { showsSpecial: true });
    expect(detokenizer.push(imEnd)).toBe("<|im_end|>");
  });
});
