import type { Priority } from "@qwen3-vl/shared/worker-protocol";

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
  /** Whose it is, and what may be shared: keys of its prompt, see `prefixKeys`, and its output. */
  readonly content: SlotContent & { readonly keys: number[] };
  readonly priority: Priority;
  submittedMs: number;
  /** Its place in line; see `turnOf`. */
  turn: number;
  readonly answer: Answer;
  /** Tokens of prompt and answer together that may be reached. */
  readonly maxLength: number;
  readonly outputIds: number[];
  cachedTokens: number;
  slot: number | undefined;
  /** Of the next token, while the mask for it is not there: until then, nothing is run of it. */
  parkedLogits: Float32Array | undefined;
  /** What a step runs of it while it decodes; each step writes it anew. */
  readonly decodeRow: ModelRow;
}

/** A sequence that nothing was run of yet. */
export function createSequence(
  given: Pick<Sequence, "id" | "prompt" | "answer" | "maxLength" | "priority"> & {
    tenant: string;
    /** Of the prompt. */
    keys: number[];
  },
): Sequence {
  const { id, prompt, answer, maxLength, priority, tenant, keys } = given;
  return {
    id,
    prompt,
    answer,
    maxLength,
    priority,
    content: { tenant, keys, promptTokens: prompt.tokenIds.length },
    submittedMs: 0,
    turn: 0,
    outputIds: [],
    cachedTokens: 0,
    slot: undefined,
    parkedLogits: undefined,
    decodeRow: {
      slot: 0,
      cachedTokens: 0,
      tokenIds: new Int32Array(1),
      positions: new Int32Array(3),
      vision: undefined,
      wantsLogits: true,
    },
  };
}

/** Adds a token to the answer. */
export function appendOutput({ outputIds, content }: Sequence, tokenId: number): void {
  outputIds.push(tokenId);
  content.keys.push(tokenId);
}

export function lengthOf({ prompt, outputIds }: Sequence): number {
  return prompt.tokenIds.length + outputIds.length;
}

/** Tokens that are not in the KV cache yet. */
export function pendingTokens(sequence: Sequence): number {
  return lengthOf(sequence) - sequence.cachedTokens;
}

export function isDecoding({ prompt, cachedTokens }: Sequence): boolean {
  return cachedTokens >= prompt.tokenIds.length;
}

/** The next `tokenCount` pending tokens as the model takes them. */
export function modelRow(sequence: Sequence, slot: number, tokenCount: number): ModelRow {
  return isDecoding(sequence)
    ? nextOutputRow(sequence, slot)
    : promptRow(sequence, slot, tokenCount);
}

/** One token of the answer. */
function nextOutputRow(sequence: Sequence, slot: number): ModelRow {
  const { prompt, outputIds, cachedTokens, decodeRow } = sequence;
  decodeRow.slot = slot;
  decodeRow.cachedTokens = cachedTokens;
  decodeRow.tokenIds[0] = outputIds[cachedTokens - prompt.tokenIds.length] ?? 0;
  decodeRow.positions.fill(cachedTokens + prompt.ropeDelta);
  decodeRow.wantsLogits = pendingTokens(sequence) === 1;
  return decodeRow;
}

function promptRow(sequence: Sequence, slot: number, tokenCount: number): ModelRow {
  const { prompt, cachedTokens } = sequence;
  const length = prompt.tokenIds.length;
  const end = cachedTokens + tokenCount;
  const positions = new Int32Array(3 * tokenCount);
  for (let axis = 0; axis < 3; axis++) {
    const start = axis * length;
    positions.set(prompt.positions.subarray(start + cachedTokens, start + end), axis * tokenCount);
  }
  return {
    slot,
    cachedTokens,
    tokenIds: prompt.tokenIds.subarray(cachedTokens, end),
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
