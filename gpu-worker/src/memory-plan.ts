import type { TextDecoderConfig } from "./weights/model-config.ts";

/** What the memory beside the weights is used for. */
export interface MemoryPlan {
  /** Tokens that the KV cache holds in all. */
  tokenBudget: number;
  /** Tokens of one sequence at most: the model's context, or what the KV cache holds. */
  slotCapacity: number;
  /** Bytes of features of pictures and clips that are kept. */
  featureBytes: number;
}

const FLOAT32_BYTES = 4;

/** Features of pictures are small beside the KV cache of the conversations about them. */
const FEATURE_SHARE = 1 / 8;

/** Divides `bytes` between the KV cache and the features of pictures. */
export function planMemory(bytes: number, text: TextDecoderConfig): MemoryPlan {
  const featureBytes = Math.floor(bytes * FEATURE_SHARE);
  const tokenBudget = Math.floor((bytes - featureBytes) / bytesPerToken(text));
  return { featureBytes, tokenBudget, slotCapacity: Math.min(text.maxPositions, tokenBudget) };
}

/** Keys and values of one token in all layers. */
export function bytesPerToken({ layers, kvHeads, headDim }: TextDecoderConfig): number {
  return 2 * layers * kvHeads * headDim * FLOAT32_BYTES;
}
