import { expect, it } from "vitest";

import { formatWorkerLoad, parseWorkerLoad } from "./worker-load.ts";

it("a worker's load is read as it was written", () => {
  const load = { requests: 3, slots: 8, places: 72 };
  expect(parseWorkerLoad(formatWorkerLoad(load))).toEqual(load);
});

it.each([
  null,
  "",
  "requests=-1, slots=8, places=72",
  "requests=1",
  "requests=1, slots=8, places=x",
])("%j tells no load", (header) => {
  expect(parseWorkerLoad(header)).toBeUndefined();
});
