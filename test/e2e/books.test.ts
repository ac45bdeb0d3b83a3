import { expect, it } from "vitest";

import { keepBooks } from "../support/books/books.ts";

it("keeps books that agree with every answer, though the edge is killed on the way", async () => {
  const report = await keepBooks({ requests: 150, crashes: 2, seed: 3 });
  expect(report.disagreements).toEqual([]);
  expect(report.crashes).toBe(2);
  expect(report.endings).toMatchObject({ answered: expect.any(Number) });
}, 120_000);
