import { expect, it } from "vitest";

import { Turns } from "./turns.ts";

const { signal } = new AbortController();

/** Takes turns, and tells who was let in so far; the one who came first leaves. */
function taking(turns: Turns) {
  const entered: string[] = [];
  const inside: Disposable[] = [];
  const take = async (who: string, priority: "interactive" | "batch" = "interactive") => {
    inside.push(await turns.take(signal, priority));
    entered.push(who);
  };
  const leave = async () => {
    inside.shift()?.[Symbol.dispose]();
    await new Promise(setImmediate);
  };
  return { entered, take, leave };
}

it("lets a limited number in, and the others in order of arrival", async () => {
  const turns = new Turns(2);
  const { entered, take, leave } = taking(turns);
  const takes = ["a", "b", "c", "d"].map((who) => take(who));
  await Promise.all(takes.slice(0, 2));
  expect([entered, turns.waiting]).toEqual([["a", "b"], 2]);
  await leave();
  expect([entered, turns.waiting]).toEqual([["a", "b", "c"], 1]);
  await leave();
  expect([entered, turns.waiting]).toEqual([["a", "b", "c", "d"], 0]);
});

it("forgets who leaves while waiting, and gives their turn to the next", async () => {
  const turns = new Turns(1);
  const first = await turns.take(signal);
  const client = new AbortController();
  const left = turns.take(client.signal);
  const next = turns.take(signal);
  client.abort(new Error("left"));
  await expect(left).rejects.toThrow("left");
  first[Symbol.dispose]();
  (await next)[Symbol.dispose]();
  await turns.take(signal);
});

it("keeps one turn from jobs, which hold nobody else up while they wait for each other", async () => {
  const turns = new Turns(2);
  const { entered, take, leave } = taking(turns);
  for (const job of ["a", "b"]) {
    void take(job, "batch");
  }
  await take("c");
  expect([entered, turns.waiting]).toEqual([["a", "c"], 1]);
  await leave();
  expect(entered).toEqual(["a", "c", "b"]);
});

it("gives jobs the only turn", async () => {
  const { entered, take, leave } = taking(new Turns(1));
  await take("a", "batch");
  void take("b", "batch");
  void take("c");
  await leave();
  await leave();
  expect(entered).toEqual(["a", "b", "c"]);
});
