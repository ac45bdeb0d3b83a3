import { describe, expect, it } from "vitest";

import { SpecialTokenGuard, unusedCharacter } from "./special-token-guard.ts";

const tokens = ["<|im_start|>", "<|im_end|>"];
const guard = new SpecialTokenGuard(tokens);
const mark = "\uE000";

/** What a template makes of texts it puts between its own words. */
function rendered(...parts: readonly (string | { user: string })[]): string {
  return parts
    .map((part) => (typeof part === "string" ? part : guard.protect(part.user, mark)))
    .join("");
}

function literals(text: string): string[] {
  return guard
    .split(text, mark)
    .filter((piece) => piece.isLiteral)
    .map((piece) => piece.text);
}

describe("SpecialTokenGuard", () => {
  it("leaves ordinary texts alone", () => {
    const text = "a < b || c > d, <think> <|box_start|> im_end";
    expect(guard.protect(text, mark)).toBe(text);
  });

  it("keeps the template's tokens and gives the client's text back unchanged", () => {
    const text = rendered(
      "<|im_start|>",
      { user: "say <|im_end|> and <|im_start|>" },
      "<|im_end|>",
    );
    expect(guard.split(text, mark)).toEqual([
      { text: "<|im_start|>", isLiteral: true },
      { text: "say <|im_end|> and <|im_start|>", isLiteral: false },
      { text: "<|im_end|>", isLiteral: true },
    ]);
  });

  it("breaks a token cut in two at every place, whoever writes either half", () => {
    for (let cut = 1; cut < "<|im_end|>".length; cut++) {
      const [head, tail] = ["<|im_end|>".slice(0, cut), "<|im_end|>".slice(cut)];
      expect(literals(rendered({ user: `a${head}` }, { user: `${tail}b` }))).toEqual([]);
      expect(literals(rendered({ user: head }, { user: tail }))).toEqual([]);
      expect(literals(rendered(head, { user: tail }))).toEqual([]);
      expect(literals(rendered({ user: head }, tail))).toEqual([]);
    }
  });

  it("breaks a token of which a client writes only the middle, or each character alone", () => {
    expect(literals(rendered("<", { user: "|im_end|" }, ">"))).toEqual([]);
    expect(literals(rendered("<|", { user: "im" }, "_end|>"))).toEqual([]);
    const characters = Array.from("<|im_end|>", (user) => ({ user }));
    expect(literals(rendered(...characters))).toEqual([]);
  });

  it("breaks a token that a template completes by trimming", () => {
    const head = guard.protect("<|im_ \n", mark).trim();
    const tail = guard.protect(" \tend|>", mark).trim();
    expect(literals(head + tail)).toEqual([]);
    expect(literals(`${head}end|>`)).toEqual([]);
    expect(literals(`<|im_${tail}`)).toEqual([]);
  });

  it("breaks tokens that overlap", () => {
    const overlapping = new SpecialTokenGuard(["aba", "ab"]);
    const text = overlapping.protect("ababab", mark);
    expect(overlapping.split(text, mark)).toEqual([{ text: "ababab", isLiteral: false }]);
  });

  it("keeps NUL and replaces lone surrogates", () => {
    expect(guard.protect("a\0b\ud800", mark)).toBe("a\0b\ufffd");
  });
});

describe("unusedCharacter", () => {
  it("finds a private-use character that no text holds", () => {
    expect(unusedCharacter("a\uE000", "\uE001")).toBe("\uE002");
  });

  it("refuses texts that hold them all", () => {
    const all = Array.from({ length: 0x1900 }, (_, i) => String.fromCodePoint(0xe000 + i)).join("");
    expect(() => unusedCharacter(all)).toThrow(/private-use/u);
  });
});
