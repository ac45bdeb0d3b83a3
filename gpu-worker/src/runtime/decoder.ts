import type { ModelRow, RowVision } from "../engine/model.ts";
import { rotaryTable, textFrequencies } from "../model/rotary-table.ts";
import { DECODER } from "../model/text-decoder.ts";
import { EMBEDDER } from "../model/token-embeddings.ts";
import type { TextDecoderConfig } from "../weights/model-config.ts";
import { DecodeBatch } from "./decode-batch.ts";
import { KvCache } from "./kv-cache.ts";
import { PreparedRun } from "./prepared-run.ts";
import type { Session } from "./session.ts";
import { Tensor } from "./tensor.ts";

export interface DecoderOptions {
  config: TextDecoderConfig;
  deepstackCount: number;
  embedder: Session;
  decoder: Session;
  slots: number;
  slotCapacity: number;
  /** A run has a multiple of so many tokens, so that each is computed as among others: see `ROW_MULTIPLE`. */
  rowMultiple: number;
}

/** The text decoder over its KV cache: one prefill chunk, or one token of several sequences, a run. */
export class Decoder {
  readonly #options: DecoderOptions;
  readonly #cache: KvCache;
  readonly #rope: Record<string, Tensor>;
  readonly #noVision: Tensor;
  /** By first slot and number of slots; what they hold is used again in every step. */
  readonly #batches: DecodeBatch[][] = [];
  /** Logits of all slots, [slots, vocabulary]; one run at a time writes them. */
  readonly #logits: Float32Array<ArrayBuffer>;

  constructor(options: DecoderOptions) {
    const { config, slotCapacity, rowMultiple } = options;
    this.#options = options;
    const slots = roundUp(options.slots, rowMultiple);
    this.#cache = new KvCache(config, slots, slotCapacity + rowMultiple - 1);
    this.#logits = new Float32Array(slots * config.vocabSize);
    const frequencies = textFrequencies(config.rope, config.headDim / 2);
    const { cos, sin, rows, pairs } = rotaryTable(frequencies, slotCapacity);
    this.#rope = {
      [DECODER.ropeCos]: new Tensor(cos, [rows, pairs]),
      [DECODER.ropeSin]: new Tensor(sin, [rows, pairs]),
    };
    this.#noVision = new Tensor(new Float32Array(config.hiddenSize), [1, 1, config.hiddenSize]);
  }

  /** A chunk of one sequence; the logits after its last token, [vocabulary]. */
  prefill(row: ModelRow): Promise<Float32Array> {
    return this.#runChunk(row, 1);
  }

  /** All logits of a prompt, [tokens, vocabulary]: for comparisons with the reference. */
  prefillAllLogits(row: ModelRow): Promise<Float32Array> {
    return this.#runChunk(row, row.tokenIds.length);
  }

  /**
   * One token of each row, in any slots. The run has begun when this returns.
   *
   * @param logits receives those of each row, [vocabulary], at the row's place
   */
  async decode(
    rows: readonly (ModelRow | undefined)[],
    logits: (Float32Array | undefined)[],
  ): Promise<void> {
    const batch = this.#batchOf(rows);
    batch.fill(rows);
    await this.#runBatch(batch);
    for (const [index, row] of rows.entries()) {
      if (row !== undefined) {
        logits[index] = batch.logitsOf(row.slot);
      }
    }
  }

  copyPrefix(from: number, to: number, tokens: number): void {
    this.#cache.copyPrefix(from, to, tokens);
  }

  clearSlot(slot: number): void {
    this.#cache.clear(slot);
  }

  /** What the slots of empty rows hold is put back afterwards (0.02 ms a row at 2B size). */
  async #runBatch({ embedding, decoding, emptySlots }: DecodeBatch): Promise<void> {
    for (const slot of emptySlots) {
      this.#cache.keepFirst(slot);
    }
    try {
      this.#options.embedder.runNow(embedding);
      await this.#options.decoder.runPrepared(decoding);
    } finally {
      for (const slot of emptySlots) {
        this.#cache.restoreFirst(slot);
      }
    }
  }

  /** The slots from the lowest row's to the highest's, and a neighbour where their number must be even. */
  #batchOf(rows: readonly (ModelRow | undefined)[]): DecodeBatch {
    let lowest = this.#cache.slots;
    let highest = 0;
    for (const row of rows) {
      lowest = row === undefined ? lowest : Math.min(lowest, row.slot);
      highest = row === undefined ? highest : Math.max(highest, row.slot);
    }
    const count = roundUp(highest - lowest + 1, this.#options.rowMultiple);
    const first = Math.min(lowest, this.#cache.slots - count);
    const ofFirst = (this.#batches[first] ??= []);
    return (ofFirst[count] ??= new DecodeBatch({
      config: this.#options.config,
      first,
      count,
      shared: { ...this.#rope, ...this.#deepstack(undefined, 1).tensors },
      kv: this.#cache.bind(first, count),
      logits: this.#logits,
    }));
  }

  /** @returns logits of the last tokens, [logitsCount, vocabulary] */
  async #runChunk(unpadded: ModelRow, logitsCount: number): Promise<Float32Array> {
    const { config, decoder, rowMultiple } = this.#options;
    const row = paddedRow(unpadded, rowMultiple);
    const { slot, cachedTokens, vision } = row;
    const tokens = row.tokenIds.length;
    const kv = this.#cache.bind(slot, 1);
    const logits = new Float32Array(logitsCount * config.vocabSize);

    using embeddings = this.#embed(row);
    using positions = new Tensor(BigInt64Array.from(row.positions, BigInt), [3, 1, tokens]);
    using lastPositions = new Tensor(Int32Array.of(cachedTokens + tokens - 1), [1]);
    using totalLength = new Tensor(Int32Array.of(cachedTokens + tokens), []);
    using logitsIndex = new Tensor(lastIndices(unpadded.tokenIds.length, logitsCount), [
      1,
      logitsCount,
      1,
    ]);
    using logitsTensor = new Tensor(logits, [logitsCount, config.vocabSize]);
    using deepstack = this.#deepstack(vision, tokens);

    await decoder.run(
      {
        [DECODER.embeddings]: embeddings,
        [DECODER.positions]: positions,
        [DECODER.lastPositions]: lastPositions,
        [DECODER.totalLength]: totalLength,
        [DECODER.logitsIndex]: logitsIndex,
        ...this.#rope,
        ...deepstack.tensors,
        ...kv.inputs,
      },
      { [DECODER.logits]: logitsTensor, ...kv.outputs },
    );
    return logits;
  }

  /** Token embeddings [1, tokens, hidden], with those of vision tokens in their places. */
  #embed({ tokenIds, vision }: ModelRow): Tensor {
    const { hiddenSize } = this.#options.config;
    const tokens = tokenIds.length;
    const data = new Float32Array(tokens * hiddenSize);
    using idTensor = new Tensor(BigInt64Array.from(tokenIds, BigInt), [tokens]);
    using flat = new Tensor(data, [tokens, hiddenSize]);
    this.#options.embedder.runNow(
      new PreparedRun({ [EMBEDDER.tokenIds]: idTensor }, { [EMBEDDER.embeddings]: flat }),
    );
    if (vision !== undefined) {
      scatterRows(data, vision.places, vision.features.embeddings, hiddenSize);
    }
    return new Tensor(data, [1, tokens, hiddenSize]);
  }

  /** DeepStack inputs: features in the places of vision tokens and zeros elsewhere. */
  #deepstack(
    vision: RowVision | undefined,
    tokens: number,
  ): Disposable & { tensors: Record<string, Tensor> } {
    const own: Tensor[] = [];
    const tensors: Record<string, Tensor> = {};
    for (let layer = 0; layer < this.#options.deepstackCount; layer++) {
      const tensor =
        vision === undefined ? this.#noVision : this.#deepstackTensor(vision, layer, tokens);
      if (tensor !== this.#noVision) {
        own.push(tensor);
      }
      tensors[DECODER.deepstack(layer)] = tensor;
    }
    return {
      tensors,
      [Symbol.dispose]: () => {
        for (const tensor of own) {
          tensor[Symbol.dispose]();
        }
      },
    };
  }

  #deepstackTensor({ places, features }: RowVision, layer: number, tokens: number): Tensor {
    const { hiddenSize } = this.#options.config;
    const data = new Float32Array(tokens * hiddenSize);
    scatterRows(data, places, features.deepstack[layer] ?? new Float32Array(), hiddenSize);
    return new Tensor(data, [1, tokens, hiddenSize]);
  }
}

/**
 * A chunk with tokens after it that nothing attends to: their keys land behind what the slot holds, where
 * the next real token overwrites them.
 */
function paddedRow(row: ModelRow, multiple: number): ModelRow {
  const tokens = row.tokenIds.length;
  const padded = roundUp(tokens, multiple);
  if (padded === tokens) {
    return row;
  }
  const tokenIds = new Int32Array(padded);
  tokenIds.set(row.tokenIds);
  const positions = new Int32Array(3 * padded);
  for (let axis = 0; axis < 3; axis++) {
    positions.set(row.positions.subarray(axis * tokens, (axis + 1) * tokens), axis * padded);
  }
  return { ...row, tokenIds, positions };
}

const roundUp = (count: number, multiple: number) => Math.ceil(count / multiple) * multiple;

/** Which of a chunk's tokens get logits: the last ones. */
function lastIndices(tokens: number, count: number): BigInt64Array<ArrayBuffer> {
  return BigInt64Array.from({ length: count }, (_, index) => BigInt(tokens - count + index));
}

/** Row i of `source` [n, width] becomes row `places[i]` of `target`. */
function scatterRows(
  target: Float32Array,
  places: Int32Array,
  source: Float32Array,
  width: number,
): void {
  for (const [index, place] of places.entries()) {
    target.set(source.subarray(index * width, (index + 1) * width), place * width);
  }
}
