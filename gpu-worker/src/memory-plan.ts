import { encoderBytes } from "./model/vision-memory.ts";
import { typicalRun } from "./model/vision-strips.ts";
import type { ModelConfig, TextDecoderConfig } from "./weights/model-config.ts";

/** What the memory beside the weights is used for. */
export interface MemoryPlan {
  /** Tokens that the KV cache holds in all. */
  tokenBudget: number;
  /** Tokens of one sequence at most: the model's context, or what the KV cache holds. */
  slotCapacity: number;
  /** Bytes that a run of the vision encoder may take; one runs at a time. */
  encoderBytes: number;
  /** Bytes of patches and features of all requests that wait or run. */
  mediaBytes: number;
  /** Bytes of features that are kept for pictures and clips that come again. */
  featureBytes: number;
}

const FLOAT32_BYTES = 4;

/**
 * At most: half is left for the KV cache. At 2B size and 9 GiB these shares and a context of 20,000
 * tokens are just what a picture of 16 million pixels needs: 2.2, 0.9 and 3.8 GB.
 */
const ENCODER_SHARE = 1 / 4;
const MEDIA_SHARE = 3 / 16;
const FEATURE_SHARE = 1 / 16;

/** Divides `bytes`. The encoder gets no more than pictures of up to `pictureTokens` tokens need. */
export function planMemory(
  bytes: number,
  { text, vision }: ModelConfig,
  pictureTokens: number,
): MemoryPlan {
  const wanted = encoderBytes(vision, typicalRun(pictureTokens, vision.mergeSize));
  const shares = {
    encoderBytes: Math.min(wanted, Math.floor(bytes * ENCODER_SHARE)),
    mediaBytes: Math.floor(bytes * MEDIA_SHARE),
    featureBytes: Math.floor(bytes * FEATURE_SHARE),
  };
  const kvBytes = bytes - shares.encoderBytes - shares.mediaBytes - shares.featureBytes;
  const tokenBudget = Math.floor(kvBytes / bytesPerToken(text));
  return { ...shares, tokenBudget, slotCapacity: Math.min(text.maxPositions, tokenBudget) };
}

/** Keys and values of one token in all layers. */
export function bytesPerToken({ layers, kvHeads, headDim }: TextDecoderConfig): number {
  return 2 * layers * kvHeads * headDim * FLOAT32_BYTES;
}
