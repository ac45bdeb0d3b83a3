import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { TextThreads } from "./text-threads.ts";
import { WatchedThread } from "./watched-thread.ts";

const TABLE = { tokens: ["a", ""], vocabSize: 2, endTokenIds: [1] };

let threads: TextThreads;
beforeEach(() => {
  threads = new TextThreads(
    () =>
      new WatchedThread({
        entry: new URL("./grammar-worker.ts", import.meta.url),
        workerData: TABLE,
        openLimitMs: 60_000,
      }),
  );
});
afterEach(() => threads.close());

describe("TextThreads", () => {
  it("lends texts of one grammar the thread that has compiled it", () => {
    const [first, second] = [threads.lend("a"), threads.lend("a")];
    expect(second.thread).toBe(first.thread);
    first[Symbol.dispose]();
    second[Symbol.dispose]();
    expect(threads.lend("a").thread).toBe(first.thread);
  });

  it("compiles a new grammar where the fewest texts are live", () => {
    const a = threads.lend("a");
    const b = threads.lend("b");
    expect(b.thread).not.toBe(a.thread);
    threads.lend("b");
    expect(threads.lend("c").thread).toBe(a.thread);
    a[Symbol.dispose]();
    a[Symbol.dispose](); // counts once
    expect(threads.lend("d").thread).toBe(a.thread);
    threads.lend("d");
    expect(threads.lend("e").thread).toBe(b.thread);
  });

  it("knows that a thread that was replaced has nothing compiled", async () => {
    const a = threads.lend("a");
    const b = threads.lend("b");
    await expect(a.thread.call({ type: "accept", id: 1, tokenId: 0 }, 60_000)).rejects.toThrow(
      "no text 1",
    );
    b[Symbol.dispose]();
    expect(threads.lend("a").thread).toBe(b.thread);
  });
});
