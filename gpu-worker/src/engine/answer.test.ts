import { describe, expect, it } from "vitest";

import { IncrementalDetokenizer } from "../prompt/detokenizer.ts";
import { Answer } from "./answer.ts";
import { answerOptions, eventsOf, letters, oneHot, textOf } from "./test-sequences.ts";
import { Thought } from "./thought.ts";

const a = oneHot(0);
const b = oneHot(1);
const c = oneHot(2);
const d = oneHot(3);

function pushAll(answer: Answer, ...logits: readonly Float32Array[]): void {
  for (const each of logits) {
    answer.push(each);
  }
}

describe("Answer", () => {
  it("tells each token as it comes", async () => {
    const answer = new Answer(answerOptions({ maxTokens: 2 }));
    const events = answer[Symbol.asyncIterator]();
    expect(answer.push(b)).toEqual({ tokenId: 1, finished: false });
    expect((await events.next()).value).toEqual({
      reasoning: "",
      text: "b",
      completionTokens: 1,
      reasoningTokens: 0,
      cachedTokens: 0,
      finishReason: undefined,
    });
    expect(answer.push(c)).toEqual({ tokenId: 2, finished: true });
    expect((await events.next()).value).toEqual({
      reasoning: "",
      text: "c",
      completionTokens: 2,
      reasoningTokens: 0,
      cachedTokens: 0,
      finishReason: "length",
    });
    expect((await events.next()).done).toBe(true);
  });

  it("ends at an end token, which counts and has no text", async () => {
    const answer = new Answer(answerOptions({ endTokenIds: new Set([3]) }));
    answer.push(a);
    expect(answer.push(d).finished).toBe(true);
    expect(await eventsOf(answer)).toMatchObject([
      { text: "a", completionTokens: 2, cachedTokens: 0, finishReason: "stop" },
    ]);
  });

  it("ends at a stop string across tokens and shows nothing of it", async () => {
    const answer = new Answer(answerOptions({ stops: ["bcd"], maxTokens: 9 }));
    const finished = [a, b, c, d].map((logits) => answer.push(logits).finished);
    expect(finished).toEqual([false, false, false, true]);
    expect(await eventsOf(answer)).toMatchObject([
      { text: "a", completionTokens: 4, cachedTokens: 0, finishReason: "stop" },
    ]);
  });

  it("shows at the end what was held back in case it became a stop string", async () => {
    const answer = new Answer(answerOptions({ stops: ["bcd"], maxTokens: 3 }));
    pushAll(answer, a, b, c);
    expect(await textOf(answer)).toBe("abc");
  });

  it("finds a stop string that only the unfinished last character completes", async () => {
    const decoder = { ...letters, flush: () => "\u{FFFD}" };
    const answer = new Answer(answerOptions({ decoder, stops: ["b\u{FFFD}"], maxTokens: 2 }));
    pushAll(answer, a, b);
    expect(await eventsOf(answer)).toMatchObject([
      { text: "a", completionTokens: 2, cachedTokens: 0, finishReason: "stop" },
    ]);
  });

  it("gives a slow reader everything up to the end in one event", async () => {
    const answer = new Answer(answerOptions({ maxTokens: 3 }));
    const events = answer[Symbol.asyncIterator]();
    answer.push(a);
    expect((await events.next()).value).toMatchObject({ text: "a" });
    answer.push(b);
    answer.push(c); // the answer ends before the reader comes back
    expect((await events.next()).value).toEqual({
      reasoning: "",
      text: "bc",
      completionTokens: 3,
      reasoningTokens: 0,
      cachedTokens: 0,
      finishReason: "length",
    });
    expect((await events.next()).done).toBe(true);
  });

  it("ends without a finish reason when cancelled, after all tokens so far are told", async () => {
    const answer = new Answer(answerOptions());
    const events = answer[Symbol.asyncIterator]();
    answer.push(a);
    await events.next();
    answer.push(b);
    answer.cancel();
    expect((await events.next()).value).toEqual({
      reasoning: "",
      text: "b",
      completionTokens: 2,
      reasoningTokens: 0,
      cachedTokens: 0,
      finishReason: undefined,
    });
    expect((await events.next()).done).toBe(true);
  });

  it("ends a reader that waits when it is cancelled", async () => {
    const answer = new Answer(answerOptions());
    const waiting = eventsOf(answer);
    answer.cancel();
    expect(await waiting).toEqual([]);
  });

  it("throws at its reader what failed", async () => {
    const answer = new Answer(answerOptions());
    const waiting = eventsOf(answer);
    answer.fail(new Error("out of memory"));
    await expect(waiting).rejects.toThrow("out of memory");
  });

  it("stays whole when something fails after its end", async () => {
    const answer = new Answer(answerOptions({ maxTokens: 1 }));
    answer.push(a);
    answer.fail(new Error("too late"));
    expect(await textOf(answer)).toBe("a");
  });

  it("tells the thought apart, in which no stop string is looked for", async () => {
    const thought = new Thought({ open: 8, close: 3 }, true);
    const answer = new Answer(answerOptions({ thought, stops: ["b"], maxTokens: 9 }));
    pushAll(answer, a, b, d, a, b);
    expect(await eventsOf(answer)).toMatchObject([
      { reasoning: "ab", text: "a", completionTokens: 5, reasoningTokens: 2, finishReason: "stop" },
    ]);
  });

  it("leaves a character that the thought's end cuts with the thought", async () => {
    const bytes = new Uint8Array([0xc3]); // the first of two
    const decoder = new IncrementalDetokenizer({ bytesOf: () => bytes, isSpecial: () => false });
    const thought = new Thought({ open: 8, close: 3 }, true);
    const answer = new Answer(answerOptions({ thought, decoder, maxTokens: 4 }));
    pushAll(answer, a, d, a, a);
    expect(await eventsOf(answer)).toMatchObject([
      { reasoning: "\u{FFFD}", text: "\u{FFFD}\u{FFFD}" },
    ]);
  });

  it("tells a thought that the answer's end cuts", async () => {
    const decoder = { ...letters, flush: () => "\u{FFFD}" };
    const thought = new Thought({ open: 8, close: 3 }, true);
    const answer = new Answer(answerOptions({ thought, decoder, maxTokens: 2 }));
    pushAll(answer, a, b);
    expect(await eventsOf(answer)).toMatchObject([
      { reasoning: "ab\u{FFFD}", text: "", reasoningTokens: 2, finishReason: "length" },
    ]);
  });
});
