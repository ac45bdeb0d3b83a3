import { expect, it } from "vitest";

import { Turns } from "./turns.ts";

const { signal } = new AbortController();

it("lets a limited number in, and the others in order of arrival", async () => {
  const turns = new Turns(2);
  const entered: number[] = [];
  const takes = [1, 2, 3, 4].map((who) => turns.take(signal).then(() => entered.push(who)));
  await Promise.all(takes.slice(0, 2));
  expect([entered, turns.waiting]).toEqual([[1, 2], 2]);
  turns.giveBack();
  await takes[2];
  expect([entered, turns.waiting]).toEqual([[1, 2, 3], 1]);
  turns.giveBack();
  await takes[3];
  expect(turns.waiting).toBe(0);
});

it("forgets who leaves while waiting, and gives their turn to the next", async () => {
  const turns = new Turns(1);
  await turns.take(signal);
  const client = new AbortController();
  const left = turns.take(client.signal);
  const next = turns.take(signal);
  client.abort(new Error("left"));
  await expect(left).rejects.toThrow("left");
  turns.giveBack();
  await next;
  turns.giveBack();
  await turns.take(signal);
});
