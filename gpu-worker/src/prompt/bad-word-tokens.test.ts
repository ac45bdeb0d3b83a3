import { expect, it } from "vitest";

import { badWordTokens } from "./bad-word-tokens.ts";
import { shapesTokenizer } from "./test-checkpoint.ts";

const tokenizer = shapesTokenizer();

it("spells a word at the beginning and within a text, whatever space it was written with", () => {
  const alone = tokenizer.encodePlain("heart");
  const within = [tokenizer.idOf("Ġheart")];
  expect(alone.length).toBeGreaterThan(within.length);
  expect(badWordTokens(["heart", "  heart"], tokenizer)).toEqual([alone, within, alone, within]);
});

it("spells a word once where a space before it changes no token of it", () => {
  expect(badWordTokens(["ab"], { encodePlain: letterIds })).toEqual([[97, 98]]);
});

function letterIds(text: string): number[] {
  return Array.from(text, (letter) => letter.codePointAt(0) ?? 0);
}
