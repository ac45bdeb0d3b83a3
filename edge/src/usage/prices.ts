import * as z from "zod";

/** Units of money per million tokens; to six places, so that a token costs whole billionths of a millionth. */
const price = z.number().nonnegative().max(1e6);

const ModelPrices = z.strictObject({
  prompt: price,
  /** Prompt tokens that were cached; as dear as the others unless it is set. */
  cached: price.optional(),
  completion: price,
});

/** What `PRICES` is: prices by model, `*` for any other; without a price a model is free. */
const Prices = z.record(z.string(), ModelPrices);
export type Prices = z.infer<typeof Prices>;

/** Tokens that are paid for; `prompt` includes `cached`. */
export interface PaidTokens {
  prompt: number;
  cached: number;
  completion: number;
}

/** @throws Error when the variable is no such JSON: nothing is sold at a price that was not meant */
export function parsePrices(variable: string | undefined): Prices {
  try {
    return Prices.parse(JSON.parse(variable === undefined || variable === "" ? "{}" : variable));
  } catch (cause) {
    throw new Error('PRICES is not JSON as {"MODEL":{"prompt":0.2,"completion":0.6}}', { cause });
  }
}

/** In millionths, rounded up once a request, so that sums are exact. */
export function costMicros(prices: Prices, model: string, tokens: PaidTokens): number {
  const own = Object.hasOwn(prices, model) ? prices[model] : prices["*"];
  if (own === undefined) {
    return 0;
  }
  const { prompt, cached = prompt, completion } = own;
  const cachedTokens = Math.min(tokens.cached, tokens.prompt);
  const millionths =
    paid(tokens.prompt - cachedTokens, prompt) +
    paid(cachedTokens, cached) +
    paid(tokens.completion, completion);
  return Number((millionths + PARTS - 1n) / PARTS);
}

const PARTS = 1_000_000n;

/** In millionths of millionths: a price for a million tokens is that of one token in millionths. */
function paid(tokens: number, perMillion: number): bigint {
  return BigInt(tokens) * BigInt(Math.round(perMillion * Number(PARTS)));
}
