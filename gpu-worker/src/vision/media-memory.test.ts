import { describe, expect, it } from "vitest";

import { MediaMemory } from "./media-memory.ts";

const { signal } = new AbortController();

/** Lets everything happen that can. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("MediaMemory", () => {
  it("lets those in that fit, and the others in order of arrival as memory comes back", async () => {
    const memory = new MediaMemory(10);
    const first = await memory.reserve(6, signal);
    const order: string[] = [];
    const large = memory.reserve(8, signal).then((held) => (order.push("large"), held));
    const small = memory.reserve(2, signal).then((held) => (order.push("small"), held));
    await settle();
    expect(order).toEqual([]); // the small one would fit, but would overtake
    first.giveBack(3);
    await settle();
    expect(order).toEqual([]);
    first[Symbol.dispose]();
    await Promise.all([large, small]);
    expect(order).toEqual(["large", "small"]);
    expect(memory.usedBytes).toBe(10);
  });

  it("gets everything back once, however much was given back early", async () => {
    const memory = new MediaMemory(10);
    const held = await memory.reserve(7, signal);
    held.giveBack(5);
    expect(memory.usedBytes).toBe(2);
    held[Symbol.dispose]();
    held[Symbol.dispose]();
    held.giveBack(3);
    expect(memory.usedBytes).toBe(0);
  });

  it("forgets who left while waiting, and lets in whom that one held up", async () => {
    const memory = new MediaMemory(10);
    await memory.reserve(6, signal);
    const abort = new AbortController();
    const leaver = memory.reserve(8, abort.signal);
    const next = memory.reserve(4, signal);
    abort.abort(new Error("left"));
    await expect(leaver).rejects.toThrow("left");
    await next;
    expect(memory.usedBytes).toBe(10);
    await expect(memory.reserve(1, abort.signal)).rejects.toThrow("left");
  });

  it("keeps a half from jobs, which hold nobody else up while they wait for each other", async () => {
    const memory = new MediaMemory(10);
    const first = await memory.reserve(4, signal, "batch");
    const second = memory.reserve(4, signal, "batch");
    await memory.reserve(6, signal);
    expect(memory.usedBytes).toBe(10);
    first[Symbol.dispose]();
    await second;
    expect(memory.usedBytes).toBe(10);
  });

  it("lets a job have more than a half when there is no other", async () => {
    const memory = new MediaMemory(10);
    await memory.reserve(8, signal, "batch");
    expect(memory.usedBytes).toBe(8);
  });

  it("lets those in first that somebody waits for", async () => {
    const memory = new MediaMemory(10);
    const first = await memory.reserve(8, signal);
    const order: string[] = [];
    const job = memory.reserve(5, signal, "batch").then(() => order.push("job"));
    const person = memory.reserve(5, signal).then(() => order.push("person"));
    await settle();
    first[Symbol.dispose]();
    await Promise.all([job, person]);
    expect(order).toEqual(["person", "job"]);
  });

  it("refuses what would wait for ever", async () => {
    await expect(new MediaMemory(10).reserve(11, signal)).rejects.toThrow(
      "11 bytes of media exceed 10",
    );
  });
});
