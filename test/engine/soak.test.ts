import { expect, it } from "vitest";

import { openDenseModel } from "../support/dense-model.ts";
import { soakEngine } from "../support/engine-soak.ts";

it("holds what must hold after every step of 600 short requests that end in every way", async () => {
  const { model, close } = await openDenseModel();
  const { endings, preemptions, parked } = await soakEngine({
    model,
    requests: 600,
    seed: 1,
    tokenBudget: 300,
    every: 600,
    onProgress: () => undefined,
  });
  expect(Object.values(endings).reduce((sum, count) => sum + count, 0)).toBe(600);
  expect(Math.min(...Object.values(endings))).toBeGreaterThan(0);
  expect(preemptions).toBeGreaterThan(20);
  expect(parked).toBeGreaterThan(0);
  await close();
});
