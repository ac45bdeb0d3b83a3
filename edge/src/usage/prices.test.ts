import { describe, expect, it } from "vitest";

import { costMicros, parsePrices } from "./prices.ts";

const PRICES = parsePrices(
  '{"vl":{"prompt":0.2,"cached":0.02,"completion":0.7},"*":{"prompt":1,"completion":2}}',
);

describe("costMicros", () => {
  it("is exact where floating point is not, and rounded up once", () => {
    expect(costMicros(PRICES, "vl", { prompt: 15, cached: 0, completion: 10 })).toBe(10);
    expect(costMicros(PRICES, "vl", { prompt: 1, cached: 0, completion: 0 })).toBe(1);
    expect(costMicros(PRICES, "vl", { prompt: 100, cached: 50, completion: 30 })).toBe(32);
  });

  it("is that of * for any other model, cached tokens as dear as the others", () => {
    expect(costMicros(PRICES, "other", { prompt: 10, cached: 5, completion: 1 })).toBe(12);
    expect(costMicros(PRICES, "toString", { prompt: 10, cached: 5, completion: 1 })).toBe(12);
  });

  it("is nothing where there are no prices", () => {
    expect(costMicros(parsePrices(undefined), "vl", { prompt: 1, cached: 0, completion: 1 })).toBe(
      0,
    );
  });

  it("stays exact for millions of tokens at high prices", () => {
    const dear = parsePrices('{"*":{"prompt":999999.999999,"completion":0}}');
    expect(costMicros(dear, "x", { prompt: 9_000_000, cached: 0, completion: 0 })).toBe(
      8_999_999_999_991,
    );
  });
});

it.each(["[]", "{", '{"a":{}}', '{"a":{"prompt":-1,"completion":1}}', '{"a":{"prompt":"1"}}'])(
  "refuses to sell at the prices %s",
  (text) => {
    expect(() => parsePrices(text)).toThrow(/^PRICES/);
  },
);
