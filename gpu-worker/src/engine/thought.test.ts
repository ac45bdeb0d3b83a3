import { describe, expect, it } from "vitest";

import { Thought } from "./thought.ts";

const OPEN = 24;
const CLOSE = 25;

function follow(thought: Thought, tokenIds: readonly number[]): string {
  const letters = { tag: "t", within: "w", outside: "-" };
  return tokenIds.map((id) => letters[thought.push(id)]).join("");
}

describe("Thought", () => {
  it.each<[isOpen: boolean, tokenIds: number[], parts: string, tokens: number]>([
    [true, [1, 2, CLOSE, 3], "wwt-", 2],
    [true, [CLOSE, 3], "t-", 0],
    [true, [1, OPEN, 2, CLOSE], "wwwt", 3],
    [true, [1, 2], "ww", 2],
    [false, [OPEN, 1, CLOSE, 2], "twt-", 1],
    [false, [OPEN, CLOSE, OPEN, 1, CLOSE], "tt---", 0],
    [false, [1, OPEN, 2, CLOSE], "----", 0],
    [false, [CLOSE, 1], "--", 0],
    [false, [], "", 0],
  ])("that is open: %s follows %j", (isOpen, tokenIds, parts, tokens) => {
    const thought = new Thought({ open: OPEN, close: CLOSE }, isOpen);
    expect(follow(thought, tokenIds)).toBe(parts);
    expect(thought.tokens).toBe(tokens);
  });

  it("is none where the checkpoint has no tags", () => {
    const thought = new Thought(undefined, true);
    expect(follow(thought, [1, OPEN, CLOSE])).toBe("---");
    expect(thought.isOpen).toBe(false);
  });
});
