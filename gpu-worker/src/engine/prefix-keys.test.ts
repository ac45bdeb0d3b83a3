import { expect, it } from "vitest";

import { prefixKeys } from "./prefix-keys.ts";

const digest = (fill: number) => new Uint8Array(32).fill(fill);

it("keys text by its tokens and pictures by what they are", () => {
  const tokenIds = Int32Array.of(5, 9, 9, 6);
  const keysOf = (fill: number) =>
    prefixKeys(tokenIds, Int32Array.of(1, 2), [{ digest: digest(fill), tokens: 2 }]);
  const [text, ...rest] = keysOf(1);
  expect([text, rest.at(-1)]).toEqual([5, 6]);
  expect(keysOf(1)).toEqual(keysOf(1));
  expect(keysOf(1)[1]).not.toBe(keysOf(2)[1]);
  expect(keysOf(1)[1]).toBeLessThan(0);
});

it("refuses media with more tokens than the prompt has", () => {
  expect(() =>
    prefixKeys(Int32Array.of(9), Int32Array.of(0), [{ digest: digest(1), tokens: 2 }]),
  ).toThrow("more tokens");
});
