import type { MediaFigures } from "@qwen3-vl/shared/media-figures";

import { costMicros } from "../usage/prices.ts";
import type { PaidTokens, Prices } from "../usage/prices.ts";
import type { Amounts, EstimatedAmounts } from "./amounts.ts";

/** What one request uses of its key's limits. */
export function requestAmounts(
  prices: Prices,
  model: string,
  { counts, media }: { counts: PaidTokens; media: MediaFigures },
): Amounts {
  return {
    requests: 1,
    tokens: counts.prompt + counts.completion,
    pixels: media.pixels,
    videoMs: media.video_ms,
    frames: media.frames,
    costMicros: costMicros(prices, model, counts),
  };
}

/** What it will use at most, as far as that is known before it runs. */
export function estimatedAmounts(
  prices: Prices,
  model: string,
  { promptTokens: prompt, completionTokens: completion, pixels, videoMs, frames }: EstimatedAmounts,
): Amounts {
  const media = { pixels, video_ms: videoMs, frames };
  return requestAmounts(prices, model, { counts: { prompt, cached: 0, completion }, media });
}
