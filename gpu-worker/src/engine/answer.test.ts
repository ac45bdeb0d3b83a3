import { describe, expect, it } from "vitest";

import { IncrementalDetokenizer } from "../prompt/detokenizer.ts";
import { Answer } from "./answer.ts";
import type { TokenLogprobs } from "./logprobs.ts";
import { Sampler } from "./sampler.ts";
import { StopStringFilter } from "./stop-strings.ts";
import { GREEDY, answerOptions, eventsOf, letters, oneHot, textOf } from "./test-sequences.ts";
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

  it("passes over stop strings that are complete before the least length", async () => {
    const answer = new Answer(answerOptions({ stops: ["b"], minTokens: 2, maxTokens: 9 }));
    pushAll(answer, a, b, c, b);
    expect(await textOf(answer)).toBe("abc");
  });

  it("shows what it ends with where that is asked for", async () => {
    const stopStrings = new StopStringFilter(["bc"], { showsStop: true });
    const stopped = new Answer(answerOptions({ stopStrings }));
    pushAll(stopped, a, b, c);
    expect(await textOf(stopped)).toBe("abc");
    const options = { stopStrings: new StopStringFilter([], { showsStop: true }) };
    const ended = new Answer(answerOptions({ ...options, endTokenIds: new Set([3]) }));
    pushAll(ended, a, d);
    expect(await textOf(ended)).toBe("ad");
  });
});

/** Tokens whose log-probabilities are told, event by event. */
async function toldTokens(
  options: Partial<Parameters<typeof answerOptions>[0]>,
  ...logits: readonly Float32Array[]
): Promise<number[][]> {
  const sampler = new Sampler(GREEDY, [], [], { topLogprobs: 0 });
  const answer = new Answer(answerOptions({ sampler, maxTokens: 9, ...options }));
  const events = answer[Symbol.asyncIterator]();
  const told: number[][] = [];
  for (const each of logits) {
    answer.push(each);
    const { value } = await events.next();
    const tokens: readonly TokenLogprobs[] = value?.logprobs ?? [];
    told.push(tokens.map(({ tokenId }) => tokenId));
  }
  return told;
}

describe("an answer's log-probabilities", () => {
  it("are told with the text, those of the end token too", async () => {
    const endTokenIds = new Set([3]);
    expect(await toldTokens({ endTokenIds }, a, b, d)).toEqual([[0], [1], [3]]);
  });

  it("of a token without text wait for the text after it, or for the end", async () => {
    const decoder = { ...letters, push: (id: number) => (id === 1 ? "" : letters.push(id)) };
    expect(await toldTokens({ decoder, maxTokens: 4 }, a, b, c, b)).toEqual([[0], [], [1, 2], [1]]);
  });

  it("wait with text that could become a stop string", async () => {
    expect(await toldTokens({ stops: ["bcd"] }, a, b, c, c)).toEqual([[0], [], [], [1, 2, 2]]);
  });

  it("of text that is cut off are not told", async () => {
    expect(await toldTokens({ stops: ["bcd"] }, a, b, c, d)).toEqual([[0], [], [], []]);
  });

  it("of a token that is shown in part are told", async () => {
    const decoder = { ...letters, push: (id: number) => letters.push(id).repeat(2) };
    expect(await toldTokens({ decoder, stops: ["bc"] }, a, b, c)).toEqual([[0], [1], []]);
  });
});
