import { describe, expect, it } from "vitest";

import { Line } from "./line.ts";

const never = new AbortController().signal;

/** Enters at these turns, and tells who was let in so far, and how one leaves. */
function entering(line: Line, turns: readonly number[]) {
  const inside: number[] = [];
  const places: Disposable[] = [];
  const enter = async (turn: number) => {
    places.push(await line.enter(turn, never));
    inside.push(turn);
  };
  for (const turn of turns) {
    void enter(turn);
  }
  const leave = async () => {
    places.shift()?.[Symbol.dispose]();
    await new Promise(setImmediate);
  };
  return { inside, leave };
}

describe("Line", () => {
  it("lets so many in at once, and the others by their turns as places come free", async () => {
    const line = new Line(2);
    const { inside, leave } = entering(line, [5, 4, 9, 3, 7]);
    await new Promise(setImmediate);
    expect([inside, line.inside, line.waiting]).toEqual([[5, 4], 2, 3]);
    await leave();
    expect([inside, line.inside, line.waiting]).toEqual([[5, 4, 3], 2, 2]);
    for (let left = 4; left > 0; left--) {
      await leave();
    }
    expect([inside, line.inside, line.waiting]).toEqual([[5, 4, 3, 7, 9], 0, 0]);
  });

  it("forgets who gives up, and nobody else", async () => {
    const line = new Line(1);
    const { inside, leave } = entering(line, [1]);
    const client = new AbortController();
    const waiting = line.enter(2, client.signal);
    const others = entering(line, [3]);
    client.abort(new Error("gone"));
    await expect(waiting).rejects.toThrow("gone");
    await leave();
    expect([inside, others.inside, line.waiting]).toEqual([[1], [3], 0]);
    await expect(line.enter(4, client.signal)).rejects.toThrow("gone");
  });

  it("gives a place to who gives up just then, to be given back", async () => {
    const line = new Line(1);
    const { leave } = entering(line, [1]);
    await new Promise(setImmediate);
    const client = new AbortController();
    const next = line.enter(2, client.signal);
    const last = line.enter(3, never);
    const left = leave();
    client.abort(new Error("gone"));
    (await next)[Symbol.dispose]();
    (await last)[Symbol.dispose]();
    await left;
    expect([line.inside, line.waiting]).toEqual([0, 0]);
  });
});
