import type { Answer } from "./answer.ts";
import type { ModelRow, RowVision, VisionFeatures } from "./model.ts";
import type { SlotContent } from "./slot-table.ts";

/** A prompt as the model takes it. */
export interface Prompt {
  tokenIds: Int32Array;
  /** M-RoPE positions, [3, tokens]. */
  positions: Int32Array;
  /** Next position minus length: what the positions of generated tokens are shifted by. */
  ropeDelta: number;
  /** Places of all vision tokens, ascending, and their features in the same order. */
  vision: { places: Int32Array; features: VisionFeatures } | undefined;
}

/** One answer in the making: a prompt, what was generated so far, and how much of both is cached. */
export interface Sequence {
  readonly id: string;
  readonly prompt: Prompt;
  /** Whose it is, and what may be shared of its prompt; see `prefixKeys`. */
  readonly content: SlotContent;
  readonly answer: Answer;
  /** Tokens of prompt and answer together that may be reached. */
  readonly maxLength: number;
  readonly outputIds: number[];
  cachedTokens: number;
  slot: number | undefined;
}

function lengthOf({ prompt, outputIds }: Sequence): number {
  return prompt.tokenIds.length + outputIds.length;
}

/** Tokens that are not in the KV cache yet. */
export function pendingTokens(sequence: Sequence): number {
  return lengthOf(sequence) - sequence.cachedTokens;
}

/** One key for each token that is in the KV cache. */
export function cachedKeys({ content, outputIds, cachedTokens }: Sequence): number[] {
  return [...content.keys, ...outputIds].slice(0, cachedTokens);
}

export function isDecoding({ prompt, cachedTokens }: Sequence): boolean {
  return cachedTokens >= prompt.tokenIds.length;
}

/** The next `tokenCount` pending tokens as the model takes them. */
export function modelRow(sequence: Sequence, slot: number, tokenCount: number): ModelRow {
  const { prompt, outputIds, cachedTokens } = sequence;
  const promptLength = prompt.tokenIds.length;
  const tokenIds = new Int32Array(tokenCount);
  const positions = new Int32Array(3 * tokenCount);
  for (let i = 0; i < tokenCount; i++) {
    const index = cachedTokens + i;
    const inPrompt = index < promptLength;
    tokenIds[i] = (inPrompt ? prompt.tokenIds[index] : outputIds[index - promptLength]) ?? 0;
    for (let axis = 0; axis < 3; axis++) {
      const position = inPrompt
        ? prompt.positions[axis * promptLength + index]
        : index + prompt.ropeDelta;
      positions[axis * tokenCount + i] = position ?? 0;
    }
  }
  return {
    slot,
    cachedTokens,
    tokenIds,
    positions,
    vision: rowVision(prompt, cachedTokens, tokenCount),
    wantsLogits: tokenCount === pendingTokens(sequence),
  };
}

/** The vision tokens among the tokens from `start` on, with their features; undefined where none is. */
function rowVision({ vision }: Prompt, start: number, count: number): RowVision | undefined {
  if (vision === undefined) {
    return undefined;
  }
  const first = lowerBound(vision.places, start);
  const end = lowerBound(vision.places, start + count);
  if (first === end) {
    return undefined;
  }
  const { embeddings, deepstack } = vision.features;
  const width = embeddings.length / vision.places.length;
  const slice = (rows: Float32Array) => rows.subarray(first * width, end * width);
  return {
    places: vision.places.subarray(first, end).map((place) => place - start),
    features: { embeddings: slice(embeddings), deepstack: deepstack.map(slice) },
  };
}

/** Index of the first of the ascending values that is not below `bound`. */
function lowerBound(values: Int32Array, bound: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? 0) < bound) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
