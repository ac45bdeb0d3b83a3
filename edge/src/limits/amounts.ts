/** What a request uses of its key's limits. */
export interface Amounts {
  requests: number;
  tokens: number;
  /** Of pictures, before they are resized. */
  pixels: number;
  /** Length of clips in milliseconds. */
  videoMs: number;
  /** Of clips, as they are sampled. */
  frames: number;
  /** Millionths of the currency of the deployment's prices. */
  costMicros: number;
}

export type Measure = keyof Amounts;

/** What a request will use at most, as far as the edge can tell. */
export interface EstimatedAmounts {
  promptTokens: number;
  completionTokens: number;
  pixels: number;
  videoMs: number;
  frames: number;
  /** Nothing bounds the answer but the context: `completionTokens` is a usual one's. */
  isOpenEnded: boolean;
}

export function difference(one: Amounts, other: Amounts): Amounts {
  return {
    requests: one.requests - other.requests,
    tokens: one.tokens - other.tokens,
    pixels: one.pixels - other.pixels,
    videoMs: one.videoMs - other.videoMs,
    frames: one.frames - other.frames,
    costMicros: one.costMicros - other.costMicros,
  };
}
